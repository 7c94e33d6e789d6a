"""Values that the program reads from outside: globals, closures, attributes, defaults."""

from __future__ import annotations

import enum
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from srcad.errors import UndefinedNameError
from srcad.frontend import arrays
from srcad.frontend.expressions import (
    Scope,
)
from srcad.frontend.lists import Lists
from srcad.frontend.program import CapturedValue
from srcad.frontend.values import (
    StaticValue,
    TupleValue,
    Value,
)
from srcad.ir.build import integer
from srcad.ir.nodes import (
    Const,
    Extent,
    Var,
)
from srcad.ir.types import (
    BOOL,
    COMPLEX,
    COMPLEX64,
    FLOAT,
    FLOAT32,
    INT,
    Array,
    Scalar,
    is_dtype,
)

_OPEN = types.ModuleType | type | np.dtype | np.finfo | np.iinfo | np.ufunc
"""Objects whose attributes may be read."""


class Captures(Lists):
    """Reads what is not local to the program."""

    captures: dict[object, tuple[CapturedValue, Value]]
    guards: list[tuple[Callable[[], object], object]]

    def captured(self, name: str, scope: Scope) -> Value:
        """The value of a name that is not local."""
        source = scope.source
        try:
            value = source.lookup(name)
        except KeyError:
            raise UndefinedNameError(f"name {name!r} is not defined", self.b.here) from None
        return self._captured_value(
            (id(source.function), name), name, lambda: source.lookup(name), value
        )

    def captured_attribute(self, owner: object, name: str) -> Value:
        """An attribute of a Python object known beforehand."""
        if isinstance(owner, enum.Enum) and name in ("value", "name"):
            return self._python_value(getattr(owner, name), name)
        if not isinstance(owner, _OPEN):
            raise self.b.refuse(
                f"attributes of {type(owner).__name__} objects are not supported yet",
                "pass the value as an argument of the function",
            )
        try:
            value = getattr(owner, name)
        except AttributeError:
            raise UndefinedNameError(
                f"{getattr(owner, '__name__', owner)!r} has no attribute {name!r}", self.b.here
            ) from None
        module = getattr(owner, "__name__", "")
        if (
            module in ("math", "cmath", "numpy")
            or module.startswith("numpy.")
            or isinstance(owner, np.finfo | np.iinfo | np.ufunc)
        ):
            if isinstance(value, float | np.floating):
                return Const(float(value), FLOAT)
            if isinstance(value, int | np.integer) and not isinstance(value, bool):
                return integer(int(value))
            if isinstance(value, complex):
                return Const(value, COMPLEX)
            return StaticValue(value)
        return self._captured_value((id(owner), name), name, lambda: getattr(owner, name), value)

    def _captured_value(
        self, key: object, name: str, fetch: Callable[[], object], value: object
    ) -> Value:
        if key in self.captures:
            return self.captures[key][1]
        kind = _kind_of_number(value)
        if kind is not None:
            var = Var(self.b.names.fresh(name), kind)
            self.captures[key] = (CapturedValue(fetch, var.name, Scalar(kind)), var)
            return var
        if isinstance(value, np.ndarray):
            dtype = value.dtype.name
            if not is_dtype(dtype):
                raise self.b.refuse(
                    f"the captured array {name!r} has dtype {dtype}, which is not supported yet"
                )
            base = self.b.names.fresh(name)
            units = tuple(n == 1 for n in value.shape)
            self.b.arrays[base] = (dtype, value.ndim)
            self.b.extents[base] = tuple(Extent(base, k) for k in range(value.ndim))
            found: Value = arrays.whole(self.b, base, units)
            self.captures[key] = (
                CapturedValue(fetch, base, Array(dtype, value.ndim, units)),
                found,
            )
            return found
        if isinstance(value, tuple):
            items = [
                self._captured_value((key, k), f"{name}_{k}", lambda k=k: fetch()[k], item)  # type: ignore[index]
                for k, item in enumerate(value)
            ]
            cls = type(value) if hasattr(value, "_fields") else None
            return TupleValue(tuple(items), cls)
        if not isinstance(value, types.ModuleType | types.BuiltinFunctionType | np.ufunc):
            self.guards.append((fetch, value))
            function = getattr(value, "py_func", value)
            if isinstance(function, types.FunctionType):  # an editor may replace what is in it
                self.guards.append((lambda: function.__code__, function.__code__))
                self.guards.append((lambda: function.__defaults__, function.__defaults__))
        return StaticValue(value)

    def _python_value(self, value: object, name: str) -> Value:
        """A default argument: a Python object."""
        if isinstance(value, bool):
            return Const(value, BOOL)
        if isinstance(value, int | np.integer):
            return integer(int(value))
        if isinstance(value, float | np.floating):
            return Const(float(value), FLOAT)
        if isinstance(value, complex | np.complexfloating):
            return Const(complex(value), COMPLEX)
        if isinstance(value, tuple):
            return TupleValue(tuple(self._python_value(v, name) for v in value))
        if isinstance(value, np.ndarray):
            return self._captured_value((id(value), "default"), name, lambda: value, value)
        return StaticValue(value)


def _kind_of_number(value: Any) -> str | None:
    if isinstance(value, (bool, np.bool_)):
        return BOOL
    if isinstance(value, (int, np.integer)):
        return INT
    if type(value) is np.float32:
        return FLOAT32
    if isinstance(value, float):  # np.float64 is one
        return FLOAT
    if type(value) is np.complex64:
        return COMPLEX64
    if isinstance(value, complex):  # np.complex128 is one
        return COMPLEX
    return None
