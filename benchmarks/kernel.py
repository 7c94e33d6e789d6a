"""What a kernel is, and the little that kernels have in common.

A kernel is a module ``benchmarks.kernels.<name>`` with

- ``TITLE``: what it computes, and how large;
- ``arguments(scale)``: its seeded arguments by name; at scale 1 those that are timed, near 0 those of
  the tests;
- ``PRIMAL``: the program as a user writes it, without a decorator;
- ``WRT``: the names of the parameters that the gradient is with respect to;
- ``adjoint``: the best gradient that we can write by hand for Numba, with the flags of srcad: what
  srcad is measured by. It takes the arguments of the primal and returns a gradient, or a tuple of them
  in the order of ``WRT``. Its tape is memory that it has touched before (``pooled``), as srcad's is;
- the primal as other systems want it: ``jax_primal(jax, scan)`` (or without ``scan`` if there is no
  loop to be checkpointed), ``torch_primal(torch)``, ``autograd_primal(np)``, which return a function
  of the same parameters; ``ENZYME``, the text of a C++ function; each where that system can express
  it;
- for derivatives other than a gradient: ``srcad_gradient(srcad, **options)``, ``jax_gradient(jax)``,
  ``torch_gradient(torch)``, which return the derivative itself.
"""

import importlib
from types import ModuleType

import numba
import numpy as np

NINE = (
    "gmm",
    "lstm",
    "heat",
    "wave",
    "nbody",
    "lotka_volterra",
    "pagerank",
    "kepler",
    "hmm",
)
"""The kernels that the mark for gradient over primal is set for."""

KERNELS = (
    *NINE,
    "bundle",
    "heat3d",
    "wave2d",
    "fdtd",
    "cavity",
    "adi",
    "gauss_seidel",
    "lorenz96",
    "cholesky",
    "mlp",
    "conjugate_gradients",
    "csr",
    "kalman",
)

jit = numba.njit(error_model="numpy")
"""The flags that srcad compiles with."""


def load(name: str) -> ModuleType:
    """The kernel of a name."""
    return importlib.import_module(f"benchmarks.kernels.{name}")


def scaled(full: int, scale: float, least: int = 3) -> int:
    """A size at a scale: ``full`` at scale 1, never below ``least``."""
    return max(least, round(full * scale))


_pool: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}


def pooled(name: str, *shape: int) -> np.ndarray:
    """An array that is kept between calls, so that its pages have been touched."""
    if (name, shape) not in _pool:
        _pool[name, shape] = np.zeros(shape)
        _pool[name, shape].fill(0.0)
    return _pool[name, shape]
