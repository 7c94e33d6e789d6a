"""Generated code without compiling: IEEE arithmetic, lines that a debugger finds."""

import inspect
import math
import sys
import traceback
import warnings

import numpy as np
import pytest

from srcad.backend.compile import load
from srcad.backend.plain import ieee_math
from srcad.config import Options

PLAIN = Options(jit=False)
TEXT = """import math


def f(a, b):
    c = a / b
    d = a
    d /= b
    if b == 13.0:
        raise ValueError("thirteen")
    return c, d, a**b, a % b, a // b, math.log(b), math.exp(1e4 * a)
"""


def _run(a: float, b: float) -> tuple[float, ...]:
    return load(TEXT, "f", PLAIN, "").compile((a, b))(a, b)


def test_python_code_gives_what_numpy_gives() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for a, b in ((1.0, 0.0), (-8.0, 0.5), (0.0, -1.0), (0.0, 0.0), (1e200, 2.0), (5.0, 3.0)):
            found = _run(a, b)
            x, y = np.float64(a), np.float64(b)
            with np.errstate(all="ignore"):
                expected = x / y, x / y, x**y, x % y, x // y, np.log(y), np.exp(1e4 * x)
            np.testing.assert_array_equal(found, expected)


def test_integers_stay_as_in_python() -> None:
    text = "def f(a, b):\n    return a // b, a % b, a**b, a / b\n"
    function = load(text, "f", PLAIN, "").compile((7, 2))
    assert function(7, 2) == (3, 1, 49, 3.5)
    with pytest.raises(ZeroDivisionError):
        function(1, 0)


def test_a_traceback_shows_the_generated_line() -> None:
    try:
        _run(1.0, 13.0)
    except ValueError as error:
        text = "".join(traceback.format_exception(error))
    assert 'raise ValueError("thirteen")' in text
    assert ", line 9, in f" in text


def test_the_function_can_be_stepped_through_and_read() -> None:
    function = inspect.unwrap(load(TEXT, "f", PLAIN, "").compile((1.0, 1.0)))
    assert inspect.getsource(function).splitlines()[1] == "    c = a / b"
    assert sys.modules[function.__module__].__file__ == function.__code__.co_filename


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("sqrt", (-1.0,), math.nan),
        ("sqrt", (4.0,), 2.0),
        ("log", (0.0,), -math.inf),
        ("log", (-1.0,), math.nan),
        ("log2", (0.0,), -math.inf),
        ("log10", (0.0,), -math.inf),
        ("log1p", (-1.0,), -math.inf),
        ("exp", (1000.0,), math.inf),
        ("expm1", (1000.0,), math.inf),
        ("sinh", (-1000.0,), -math.inf),
        ("cosh", (1000.0,), math.inf),
        ("sin", (math.inf,), math.nan),
        ("acos", (2.0,), math.nan),
        ("atanh", (1.0,), math.inf),
        ("pow", (0.0, -1.0), math.inf),
        ("pow", (-8.0, 0.5), math.nan),
        ("fmod", (1.0, 0.0), math.nan),
        ("gamma", (0.0,), math.inf),
        ("gamma", (-0.0,), -math.inf),
        ("gamma", (-1.0,), math.nan),
        ("gamma", (200.0,), math.inf),
        ("lgamma", (-1.0,), math.inf),
        ("hypot", (math.inf, math.nan), math.inf),
        ("atan2", (0.0, -0.0), math.pi),
    ],
)
def test_math_beyond_its_domain(name: str, args: tuple[float, ...], expected: float) -> None:
    found = getattr(ieee_math, name)(*args)
    assert type(found) is np.float64
    np.testing.assert_array_equal(found, expected)


def test_the_rest_of_math_is_math() -> None:
    assert ieee_math.floor(2.5) == 2
    assert type(ieee_math.floor(2.5)) is int
    assert ieee_math.gcd(12, 18) == 6
    assert ieee_math.pi == math.pi
    assert ieee_math.isnan(math.nan) is True


def test_float32_stays_float32() -> None:
    assert type(ieee_math.sin(np.float32(1.0))) is np.float32
    assert type(ieee_math.sqrt(np.float32(-1.0))) is np.float32
