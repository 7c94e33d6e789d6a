"""All functions of NumPy written as loops: the one module that imports the modules of them."""

from srcad.frontend import (
    choosing,
    dtypes,
    einsum,
    extremes,
    joining,
    powers,
    products,
    scans,
    shapes,
)
from srcad.frontend.library import array_method, library_function

METHODS = ("argsort", "diagonal", "searchsorted", "sort", "std", "var")
"""Methods of arrays that are functions of NumPy written out as Python."""

__all__ = [
    "METHODS",
    "array_method",
    "choosing",
    "dtypes",
    "einsum",
    "extremes",
    "joining",
    "library_function",
    "powers",
    "products",
    "scans",
    "shapes",
]
