"""All functions of NumPy written as loops: the one module that imports the modules of them."""

from srcad.frontend import (
    axes,
    choosing,
    crossing,
    dtypes,
    einsum,
    extremes,
    grids,
    joining,
    making,
    padding,
    picking,
    powers,
    products,
    repeating,
    scans,
    shapes,
    splitting,
    spreading,
)
from srcad.frontend.library import array_method, library_function

METHODS = ("argsort", "partition", "round", "searchsorted", "sort", "std", "var")
"""Methods of arrays that are functions of NumPy written out as Python."""

__all__ = [
    "METHODS",
    "array_method",
    "axes",
    "choosing",
    "crossing",
    "dtypes",
    "einsum",
    "extremes",
    "grids",
    "joining",
    "library_function",
    "making",
    "padding",
    "picking",
    "powers",
    "products",
    "repeating",
    "scans",
    "shapes",
    "splitting",
    "spreading",
]
