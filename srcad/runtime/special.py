"""Special functions that derivatives need and NumPy lacks."""

import numpy as np
from numba.extending import register_jitable


@register_jitable
def digamma(x: float) -> float:
    """The derivative of ``log(gamma(x))``, to rounding; NaN at the poles.

    Recurrence to x >= 10, then the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.7, 6.3.18).
    """
    reflected = 0.0
    if x <= 0.0:
        if x == np.floor(x):
            return np.nan
        reflected = -np.pi / np.tan(np.pi * x)
        x = 1.0 - x
    shifted = 0.0
    while x < 10.0:
        shifted -= 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    series = r * (
        1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * 691 / 32760))))
    )
    return reflected + shifted + np.log(x) - 0.5 / x - series
