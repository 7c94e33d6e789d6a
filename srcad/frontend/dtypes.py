"""Questions about dtypes, answered when the code is generated."""

from __future__ import annotations

import numpy as np

from srcad.frontend.builder import Builder
from srcad.frontend.library import dtype_of, entry
from srcad.frontend.values import ArrayValue, StaticValue, TupleValue, Value
from srcad.ir.build import join_kinds
from srcad.ir.nodes import Expr
from srcad.ir.types import FLOAT


@entry(np.finfo)
def finfo(b: Builder, dtype: Value) -> Value:
    """What a float dtype can hold: ``np.finfo``."""
    return StaticValue(np.finfo(_dtype(b, dtype)))


@entry(np.iinfo)
def iinfo(b: Builder, type: Value) -> Value:
    """What an integer dtype can hold: ``np.iinfo``."""
    return StaticValue(np.iinfo(_dtype(b, type)))


@entry(np.result_type)
def result_type(b: Builder, *arrays_and_dtypes: Value) -> Value:
    """The dtype that arrays and numbers have in common."""
    kind = ""
    for value in arrays_and_dtypes:
        own = _dtype(b, value)
        kind = join_kinds(kind, own) if kind else own
    return StaticValue(np.dtype(kind or FLOAT))


def _dtype(b: Builder, value: Value) -> str:
    match value:
        case ArrayValue():
            return value.dtype
        case TupleValue():
            raise b.refuse("an array or a dtype is expected here")
    return value.kind if isinstance(value, Expr) else dtype_of(b, value, FLOAT)
