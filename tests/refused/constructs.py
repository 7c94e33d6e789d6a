"""Constructs outside the language: refused by name, at their line, with what to write instead."""

import contextlib
import math

import numpy as np

from srcad.errors import ArgumentError
from tests.refused.registry import refused

ONE = lambda: (0.7,)  # noqa: E731
VECTOR = lambda: (np.array([0.5, 1.5, 2.5]),)  # noqa: E731

TOTAL = 0.0


@refused(ONE, "try", hint="if")
def try_except(x):
    try:  # <-- here
        y = math.sqrt(x)
    except ValueError:
        y = 0.0
    return y * x


@refused(ONE, "try", hint="if|after|end|without")
def try_finally(x):
    try:  # <-- here
        y = x * x
    finally:
        y = x
    return y


@refused(ONE, "with")
def with_statement(x):
    with contextlib.nullcontext():  # <-- here
        y = x * x
    return y


@refused(ONE, "yield|generator")
def generator(x):
    yield x * x  # <-- here


@refused(ONE, "yield|generator")
def yield_from(x):
    yield from (x, x)  # <-- here


@refused(VECTOR, "generator|comprehension", hint="loop")
def generator_expression(x):
    return sum(v * v for v in x)  # <-- here


@refused(ONE, "async")
async def async_function(x):  # <-- here
    return x * x


@refused(ONE, "global", hint="return|argument|parameter")
def global_write(x):
    global TOTAL  # <-- here
    TOTAL = x
    return x * x


@refused(ONE, "nonlocal", hint="return|argument|parameter")
def nonlocal_write(x):
    y = x

    def inner():
        nonlocal y  # <-- here
        y = y * 2.0

    inner()
    return y


@refused(VECTOR, "comprehension|list", hint="loop")
def list_comprehension(x):
    y = [v * v for v in x]  # <-- here
    return y[0] + y[1]


@refused(ONE, "dict", hint="tuple|array|name|variable|loop")
def dict_comprehension(x):
    d = {k: x * k for k in range(3)}  # <-- here
    return d[1]


@refused(ONE, "set", hint="tuple|array|name|variable|loop")
def set_comprehension(x):
    s = {x * k for k in range(3)}  # <-- here
    return x * len(s)


@refused(ONE, "set", hint="tuple|array|name|variable|loop")
def set_display(x):
    s = {x, 2.0}  # <-- here
    return x * len(s)


@refused(lambda: (0.7, 2), "dict", hint="tuple|array|name|variable|if")
def dict_with_computed_keys(x, k):
    d = {k: x, k + 1: x * x}  # <-- here
    return d[k]


@refused(ONE, "class")
def class_inside(x):
    class Box:  # <-- here
        value = 1.0

    return x * Box.value


@refused(ONE, "import")
def import_inside(x):
    import cmath  # <-- here

    return x * cmath.pi


@refused(ONE, "import")
def import_from_inside(x):
    from math import tau  # <-- here

    return x * tau


@refused(ONE, "del")
def delete_a_name(x):
    y = x * x
    z = y * x
    del y  # <-- here
    return z


@refused(ONE, "eval")
def evaluates_text(x):
    return eval("x * x")  # <-- here


@refused(ONE, "exec")
def executes_text(x):
    exec("y = 2.0")  # <-- here
    return x * x


@refused(ONE, "string|str|f-string|format")
def formatted_text(x):
    name = f"{x:.2f}"  # <-- here
    return x * len(name)


@refused(ONE, "string|str")
def text_arithmetic(x):
    name = "a" * 3 + "b"  # <-- here
    return x * len(name)


@refused(ONE, "starred|*")
def starred_assignment(x):
    first, *rest = (x, 2.0 * x, 3.0 * x)  # <-- here
    return first * rest[0]


@refused(ONE, "lambda|list|function")
def function_from_a_list_by_data(x):
    functions = [lambda v: v * v, lambda v: v]
    k = int(x)
    return functions[k](x)  # <-- here


@refused(lambda: (np.eye(2), np.ones(2)), "linalg", "solve")
def function_without_a_rule(a, b):
    return np.sum(np.linalg.solve(a, b))  # <-- here


@refused(VECTOR, "sort|unwrap|rule|derivative")
def another_function_without_a_rule(x):
    return np.sum(np.unwrap(x))  # <-- here


@refused(VECTOR, "method|attribute")
def unknown_method(x):
    return x.tofile("nowhere")  # <-- here


@refused(VECTOR, "attribute", "ctypes")
def unknown_attribute(x):
    return x.ctypes.data * 1.0  # <-- here


@refused(ONE, "complex")
def complex_literal(x):
    z = x + 1j  # <-- here
    return abs(z)


@refused(ONE, "complex")
def complex_call(x):
    z = complex(x, 1.0)  # <-- here
    return z.real


@refused(ONE, "input")
def reads_input(x):
    return x * float(input())  # <-- here


@refused(ONE, "open")
def opens_a_file(x):
    open("/nowhere")  # noqa: SIM115  # <-- here
    return x


@refused(ONE, "isinstance|type")
def asks_for_the_type(x):
    if isinstance(x, list):  # <-- here
        return x[0]
    return x * x


@refused(ONE, "getattr|attribute")
def attribute_by_name(x):
    return getattr(math, "sin" if x > 0.0 else "cos")(x)  # <-- here


@refused(ONE, "match")
def match_with_a_guard(x):
    match x:  # <-- here
        case v if v > 1.0:
            return x
        case _:
            return x * x


@refused(ONE, "attribute|assign", hint="array|local|return|name|variable")
def stores_an_attribute(x):
    np.answer = x  # <-- here
    return x * x


@refused(ONE, "object|dtype")
def object_array_inside(x):
    y = np.zeros(2, dtype=object)  # <-- here
    y[0] = x
    return y[0]


@refused(ONE, "dtype|float16")
def half_precision_inside(x):
    y = np.zeros(2, dtype=np.float16)  # <-- here
    y[0] = x
    return y[0] * x


@refused(lambda: (np.array([0.5, 1.5]), 2), "kind|different|scalar|array")
def scalar_or_array_then_read(x, n):
    if n > 1:  # noqa: SIM108
        y = x
    else:
        y = 2.0
    return np.sum(y * x)  # <-- here


@refused(ONE, "await|async")
def awaits(x):
    async def later():  # <-- here
        return 1.0

    return x


@refused(ONE, "list|append")
def list_that_grows(x):
    values = []
    k = 0
    while x < 5.0:
        x *= 2.0
        values.append(x)  # <-- here
        k += 1
    return values[k - 1]


@refused(VECTOR, "map|filter|no derivative")
def built_in_map(x):
    return sum(map(math.sin, x))  # <-- here


@refused(ONE, "locals|no derivative")
def reads_locals(x):
    return x * len(locals())  # <-- here


@refused(lambda: (0.5, {1, 2}), "set|argument", error=(TypeError, NotImplementedError))
def set_argument(x, s):
    return x * len(s)


@refused(lambda: (0.5, object()), "object|argument", error=(TypeError, NotImplementedError))
def object_argument(x, o):
    return x * o.value


@refused(lambda: (np.array([[0.5, 1.5], [2.5, 0.3]]),), "contiguous", hint="copy")
def reshape_that_may_share(a):
    c = a[:, ::2].reshape(1, 2)  # <-- here
    c[0, 1] = 2.0
    return np.sum(a)


@refused(VECTOR, "index array", "integers", error=ArgumentError, hint="astype")
def floats_as_indices(x):
    return np.sum(x[np.array([0.0, 1.0])])  # <-- here


@refused(VECTOR, "index", error=ArgumentError)
def string_as_index(x):
    return np.sum(x["first"])  # <-- here


@refused(VECTOR, "expression", "lost")
def elements_of_a_result_written(x):
    (x * 2.0)[[0, 1]] = 3.0  # <-- here
    return np.sum(x)


@refused(VECTOR, "break", "ndindex", hint="range")
def break_in_a_loop_over_indices(x):
    for i in np.ndindex(2):  # <-- here
        if x[i] > 2.0:
            break
    return x[0]
