"""Functions that have no rule: the message says how to write one."""

import numpy as np
from scipy import signal, special

from tests.refused.registry import refused


@refused(lambda: (0.3, 0.4), "no rule for scipy.special.stdtrit", hint="srcad.rule.expand|def _(")
def ufunc_without_a_rule(h, a):
    return special.stdtrit(h, a)  # <-- here


@refused(
    lambda: (np.ones(5),),
    "no rule for scipy.signal.savgol_filter",
    hint="@srcad.rule.expand(scipy.signal.savgol_filter)",
)
def scipy_function_without_a_rule(x):
    return np.sum(signal.savgol_filter(x, 3, polyorder=1))  # <-- here


@refused(lambda: (np.ones(3),), "np.median", "'out'", hint="leave")
def argument_that_is_not_there(x):
    return np.sum(np.median(x, out=x))  # <-- here


@refused(lambda: (np.ones(3),), "np.quantile", "integer literal")
def wrong_axis_of_a_function_written_out(x):
    return np.sum(np.quantile(x, 0.3, axis=x[0]))  # <-- here
