"""What is refused, why, and what to write instead: one table.

The messages are made of it, and so is the table in ``docs/limitations.md``. Keys of ``REFUSALS``
are the names of syntax nodes; those of ``FUNCTIONS`` are the functions themselves.
"""

from __future__ import annotations

import builtins
import math
import operator
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import polynomial


@dataclass(frozen=True)
class Refusal:
    """A construct that is not supported."""

    what: str
    why: str
    instead: str

    def words(self) -> dict[str, str]:
        """The message and the hint of the error."""
        return {"what": f"{self.what} is not supported: {self.why}", "hint": self.instead}


_COROUTINE = "a coroutine has no value when it is called"
_GENERATOR = "a generator has no value when it is called"
_SETS = "the order of its items is not that of the program"

REFUSALS: dict[str, Refusal] = {
    "Try": Refusal(
        "try/except/finally",
        "which statements ran before an exception is not known in reverse",
        "test for the condition with if",
    ),
    "With": Refusal(
        "with, other than np.errstate that raises nothing,",
        "entering a context runs code that is not seen",
        "do this outside the function",
    ),
    "Match": Refusal(
        "this match statement",
        "a case is a constant, a dotted name, a name, or a tuple of these",
        "write if and elif",
    ),
    "Global": Refusal(
        "global",
        "a derivative must not change variables of the module",
        "return the value, or pass it as an argument",
    ),
    "Nonlocal": Refusal(
        "nonlocal",
        "an inner function must not change variables of the outer one",
        "return the value, or pass it as an argument",
    ),
    "ClassDef": Refusal(
        "a class inside the function", "it is made anew at each call", "define it outside"
    ),
    "Import": Refusal(
        "import inside the function",
        "importing runs code (math and numpy, imported before, are fine)",
        "import at the top of the module",
    ),
    "Yield": Refusal("yield", _GENERATOR, "write into an array and return it"),
    "YieldFrom": Refusal("yield from", _GENERATOR, "write into an array and return it"),
    "GeneratorExp": Refusal(
        "a generator expression here",
        "it is the argument of sum, min, max, sorted, any, all, tuple or list only",
        "write the loop, or a list in brackets",
    ),
    "AsyncFunctionDef": Refusal("async def", _COROUTINE, "differentiate a plain function (def)"),
    "Set": Refusal("a set", _SETS, "use a tuple or an array"),
    "SetComp": Refusal("a set comprehension", _SETS, "use a tuple or an array"),
    "DictComp": Refusal(
        "a dict comprehension here",
        "its keys must be known when the code is generated",
        "use separate variables, a tuple or an array",
    ),
    "JoinedStr": Refusal(
        "an f-string of values that are known at run time",
        "texts are made in raise, assert and print only",
        "format outside the function",
    ),
}
REFUSALS["TryStar"] = REFUSALS["Try"]

_TEXT = "texts are not made when the program runs"
_RUNS = "what it runs cannot be seen"
_LAZY = "it gives its items one by one"
_BYTES = "bytes are not numbers that carry derivatives"
_BITS = "it is about the bits of a number, not its value"
_INPLACE = "operators that read or write memory are statements here"
_WIDE = "integers have 64 bits"
_REJECTED = "its draws are made by rejection, so that they are no smooth function of its parameters"
_COUNTS = "its draws are counts, made by an algorithm that is not written out here"
_MEMORY = "it is about memory, not about the elements"
_INSPECTS = "names and attributes are looked up when the code is generated"

FUNCTIONS: dict[Any, Refusal] = {
    builtins.eval: Refusal("eval", _RUNS, "write the expression itself"),
    builtins.exec: Refusal("exec", _RUNS, "write the statements themselves"),
    builtins.open: Refusal("open", "files are not read or written", "read the data outside"),
    builtins.input: Refusal("input", "nothing is read", "pass the value as an argument"),
    builtins.map: Refusal("map", _LAZY, "write a list comprehension or the loop"),
    builtins.filter: Refusal("filter", _LAZY, "write a list comprehension or the loop"),
    builtins.iter: Refusal("iter", _LAZY, "write the loop"),
    builtins.next: Refusal("next", _LAZY, "write the loop"),
    builtins.set: Refusal("set", _SETS, "use a tuple or an array"),
    builtins.frozenset: Refusal("frozenset", _SETS, "use a tuple or an array"),
    builtins.str: Refusal("str", _TEXT, "format outside the function"),
    builtins.repr: Refusal("repr", _TEXT, "format outside the function"),
    builtins.format: Refusal("format", _TEXT, "format outside the function"),
    builtins.getattr: Refusal("getattr", _INSPECTS, "write the attribute itself"),
    builtins.setattr: Refusal("setattr", _INSPECTS, "use a variable or an array"),
    builtins.globals: Refusal("globals", _INSPECTS, "read the variable by its name"),
    builtins.locals: Refusal("locals", _INSPECTS, "read the variable by its name"),
    builtins.vars: Refusal("vars", _INSPECTS, "read the attribute by its name"),
    builtins.id: Refusal("id", "memory is not that of the program", "compare values"),
    builtins.hash: Refusal("hash", "it is no function of the value", "compare values"),
    builtins.super: Refusal(
        "super with arguments",
        "the class is that of the method",
        "write super(), or Base.method(self)",
    ),
    **dict.fromkeys(
        (time.time, time.time_ns, time.perf_counter, time.process_time, time.monotonic),
        Refusal("the clock", "it is no argument", "read it outside the function"),
    ),
    np.vectorize: Refusal(
        "np.vectorize",
        "the shape of its result is that of arrays known at the call",
        "call the function on the array, or in a loop over its elements",
    ),
    np.frombuffer: Refusal("np.frombuffer", _BYTES, "make the array outside the function"),
    np.fromiter: Refusal("np.fromiter", _LAZY, "write np.array([... for ...])"),
    np.fromstring: Refusal("np.fromstring", _BYTES, "make the array outside the function"),
    np.fromfile: Refusal("np.fromfile", _BYTES, "read the data outside"),
    np.nditer: Refusal("np.nditer", _LAZY, "loop over np.ndindex(a.shape) or np.ndenumerate(a)"),
    np.apply_over_axes: Refusal(
        "np.apply_over_axes", "it changes the rank", "call the function with a tuple of axes"
    ),
    np.fromfunction: Refusal(
        "np.fromfunction", "the shape is not an argument", "call it on np.indices(shape)"
    ),
    math.fsum: Refusal("math.fsum", "its rounding is not that of a sum", "use sum"),
    builtins.bytes: Refusal("bytes", _BYTES, "use an array of numbers"),
    builtins.chr: Refusal("chr", _TEXT, "use numbers"),
    builtins.ord: Refusal("ord", _TEXT, "use numbers"),
    builtins.slice: Refusal("slice", "slices are no values", "write a[start:stop]"),
    math.frexp: Refusal("math.frexp", _BITS, "scale by a power of 2 that is known"),
    math.nextafter: Refusal("math.nextafter", _BITS, "leave it out of the derivative"),
    np.nextafter: Refusal("np.nextafter", _BITS, "leave it out of the derivative"),
    np.dtype: Refusal("np.dtype", "a dtype is written out", "write np.float64 itself"),
    np.isnat: Refusal("np.isnat", "there are no dates", "use numbers"),
    np.isscalar: Refusal("np.isscalar", _INSPECTS, "write np.ndim(x) == 0"),
    np.lib.stride_tricks.as_strided: Refusal(
        "as_strided", "its elements share memory in ways that are not seen", "use slices"
    ),
    polynomial.polydiv: Refusal(
        "polydiv",
        "the lengths of its results depend on the numbers",
        "write the division as a loop",
    ),
    polynomial.Polynomial: Refusal("Polynomial", "it is an object", "use polyval and the like"),
    operator.contains: Refusal("operator.contains", _INPLACE, "write item in a"),
    operator.is_: Refusal("operator.is_", _INPLACE, "write a is b"),
    operator.is_not: Refusal("operator.is_not", _INPLACE, "write a is not b"),
    operator.truth: Refusal("operator.truth", _INPLACE, "write bool(a)"),
    operator.setitem: Refusal("operator.setitem", _INPLACE, "write a[k] = x"),
    operator.delitem: Refusal("operator.delitem", _INPLACE, "write del a[k]"),
    **{
        getattr(operator, name): Refusal(f"operator.{name}", _INPLACE, f"write a {sign} b")
        for name, sign in (
            ("iadd", "+="),
            ("isub", "-="),
            ("imul", "*="),
            ("itruediv", "/="),
            ("ifloordiv", "//="),
            ("imod", "%="),
            ("ipow", "**="),
            ("iand", "&="),
            ("ior", "|="),
            ("ixor", "^="),
            ("ilshift", "<<="),
            ("irshift", ">>="),
        )
    },
    **{
        getattr(np, name): Refusal(f"np.{name}", _WIDE, "use int(x) or a.astype(...)")
        for name in ("int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64")
    },
    **{
        getattr(np.random, name): Refusal(
            f"np.random.{name}", why, "draw the numbers outside, and pass them as an argument"
        )
        for why, names in (
            ("a generator has a stream of its own", "default_rng Generator PCG64 RandomState"),
            (_REJECTED, "beta chisquare dirichlet f gamma noncentral_chisquare standard_gamma"),
            (_REJECTED, "standard_t vonmises wald"),
            (_COUNTS, "geometric hypergeometric logseries multinomial negative_binomial zipf"),
            ("it writes its argument", "shuffle"),
        )
        for name in names.split()
    },
}

ATTRIBUTES: dict[str, Refusal] = {
    name: Refusal(f"the array attribute .{name}", _MEMORY, instead)
    for name, instead in (
        ("ctypes", "pass the array itself"),
        ("flags", "use np.ascontiguousarray"),
        ("strides", "use a.shape"),
        ("tobytes", "use a.copy()"),
    )
}
"""Of arrays, by their names."""


def refusal_of(node: Any) -> Refusal:
    """What to say of a syntax node that nothing else understands."""
    name = type(node).__name__
    known = REFUSALS.get(name)
    return known or Refusal(f"{name} here", "it is not part of the language", "write it otherwise")


def function_refusal(function: Any) -> Refusal | None:
    """What to say of a function, if it is in the table."""
    try:
        return FUNCTIONS.get(function)
    except TypeError:
        return None
