"""``scipy.fft``: the functions of ``np.fft`` by the same names."""

import scipy.fft

from srcad.rules import fourier
from srcad.rules.registry import expand

for _name in (
    *("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2"),
    *("fftn", "ifftn", "rfftn", "irfftn", "fftfreq", "rfftfreq", "fftshift", "ifftshift"),
):
    expand(getattr(scipy.fft, _name))(getattr(fourier, _name))
