"""Constructs outside the language: refused by name, at their line, with what to write instead."""

import contextlib
import itertools
import math
import random
import time

import numpy as np

import srcad
from srcad.errors import ArgumentError, ArgumentValueError
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
    with contextlib.suppress(ValueError):  # <-- here
        y = x * x
    return y


@refused(ONE, "with", "raises nothing")
def division_that_raises(x):
    with np.errstate(divide="raise"):  # <-- here
        y = 1.0 / x
    return y


@refused(ONE, "with")
def context_with_a_name(x):
    with contextlib.nullcontext(x) as y:  # <-- here
        return y * y


@refused(ONE, "yield|generator")
def generator(x):
    yield x * x  # <-- here


@refused(ONE, "yield|generator")
def yield_from(x):
    yield from (x, x)  # <-- here


@refused(lambda: (np.ones(4), 3), "empty lists", "run time", hint="np.empty")
def empty_lists_as_many_as_an_argument_says(x, n):
    cells = [[] for _ in range(n)]  # <-- here
    for i in range(x.size):
        cells[i % n].append(x[i])
    return sum(cells[0])


@refused(VECTOR, "a list in a list in a list", hint="columns * i + j")
def cells_in_two_dimensions(x):
    cells = [[[] for _ in range(2)] for _ in range(2)]
    for i in range(x.size):
        cells[i % 2][i // 2].append(x[i])  # <-- here
    return sum(cells[0][0])


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


@refused(ONE, "lambda|list|function")
def function_from_a_list_by_data(x):
    functions = [lambda v: v * v, lambda v: v]
    k = int(x)
    return functions[k](x)  # <-- here


@refused(VECTOR, "stride_tricks", "as_strided")
def function_without_a_rule(x):
    return np.sum(np.lib.stride_tricks.as_strided(x, (2,)))  # <-- here


@refused(VECTOR, "no rule for np.packbits", hint="srcad.rule.expand(np.packbits)")
def another_function_without_a_rule(x):
    return np.sum(np.packbits(x > 0.0) * x[0])  # <-- here


@refused(VECTOR, "method|attribute")
def unknown_method(x):
    return x.tofile("nowhere")  # <-- here


@refused(VECTOR, "attribute", "ctypes")
def unknown_attribute(x):
    return x.ctypes.data * 1.0  # <-- here


@refused(ONE, "complex", "order", error=ArgumentError)
def complex_order(x):
    z = x + 1j
    return abs(z) if z < 2.0 else x  # <-- here


@refused(VECTOR, "complex", "float64", error=ArgumentError)
def complex_into_floats(x):
    x = x.copy()
    x[0] = complex(x[1], 1.0)  # <-- here
    return x[0]


@refused(ONE, "complex", "math.sin", error=ArgumentError)
def complex_sine_of_math(x):
    return math.sin(x * 1j).real  # <-- here


@refused(ONE, "input")
def reads_input(x):
    return x * float(input())  # <-- here


@refused(ONE, "open")
def opens_a_file(x):
    open("/nowhere")  # noqa: SIM115  # <-- here
    return x


@refused(ONE, "getattr|attribute")
def attribute_by_name(x):
    return getattr(math, "sin" if x > 0.0 else "cos")(x)  # <-- here


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


@refused(lambda: (np.array([[0.5, 1.5], [2.5, 0.3]]),), "share", hint="copy")
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


@refused(VECTOR, "permutations", hint="write the loop out")
def permutations_of_an_array(x):
    s = 0.0
    for a in itertools.permutations(x):  # <-- here
        s += a[0] * a[1]
    return s


@refused(ONE, "try/except", hint="if")
def try_star(x):
    try:  # <-- here
        y = math.sqrt(x)
    except* ValueError:
        y = 0.0
    return y * x


@refused(ONE, "match", "constant", hint="if")
def match_a_mapping(x):
    match x:  # <-- here
        case {"a": 1.0}:
            return x
        case _:
            return x * x


@refused(ONE, "match", hint="if")
def match_a_class(x):
    match x:  # <-- here
        case float():
            return x
        case _:
            return x * x


@refused(ONE, "match", hint="if")
def match_binds_in_an_alternative(x):
    match (1, x):  # <-- here
        case (1, v) | (2, v):
            return v
        case _:
            return x


@refused(VECTOR, "generator expression", hint="loop|list")
def generator_expression_elsewhere(x):
    terms = (v * v for v in x)  # <-- here
    return sum(terms)


@refused(VECTOR, "generator expression", hint="loop|list")
def array_of_a_generator(x):
    return np.sum(np.array(v * v for v in x))  # <-- here


@refused(ONE, "import", hint="top")
def import_from_inside(x):
    from cmath import tau  # <-- here

    return x * tau


@refused(VECTOR, "list method .sort", hint="sorted")
def sorts_a_list_in_place(x):
    a = [x[1], x[0]]
    a.sort()  # <-- here
    return a[0]


@refused(VECTOR, "filter", hint="comprehension")
def built_in_filter(x):
    return sum(filter(None, x))  # <-- here


@refused(VECTOR, "iter ", hint="loop")
def built_in_iter(x):
    return x[0] * len(iter(x))  # <-- here


@refused(VECTOR, "next ", hint="loop")
def built_in_next(x):
    return next(x)  # <-- here


@refused(ONE, "set ", hint="tuple")
def built_in_set(x):
    return x * len(set((1, 2)))  # <-- here


@refused(ONE, "frozenset", hint="tuple")
def built_in_frozenset(x):
    return x * len(frozenset((1, 2)))  # <-- here


@refused(ONE, "str ", hint="format")
def text_of_a_number(x):
    return x * len(str(x))  # <-- here


@refused(ONE, "repr ", hint="format")
def repr_of_a_number(x):
    return x * len(repr(x))  # <-- here


@refused(ONE, "format ", hint="format")
def formats_a_number(x):
    return x * len(format(x, ".3f"))  # <-- here


@refused(ONE, "setattr")
def attribute_set_by_name(x):
    setattr(math, "answer", x)  # noqa: B010  # <-- here
    return x


@refused(ONE, "globals")
def reads_globals(x):
    return x * len(globals())  # <-- here


@refused(ONE, "vars")
def reads_vars(x):
    return x * len(vars(math))  # <-- here


@refused(ONE, "id ", hint="compare")
def asks_for_identity(x):
    return x * id(x)  # <-- here


@refused(ONE, "hash ", hint="compare")
def asks_for_a_hash(x):
    return x * hash(x)  # <-- here


@refused(ONE, "super with arguments", hint="write super()")
def calls_super(x):
    return x * len(super(float, x))  # <-- here


@refused(ONE, "np.random.default_rng is not supported", hint="pass them as an argument")
def makes_a_generator(x):
    return x * np.random.default_rng(0).normal()  # <-- here


@refused(ONE, "np.random.RandomState is not supported", hint="pass them as an argument")
def makes_a_random_state(x):
    return x * np.random.RandomState(0).normal()  # <-- here


@refused(
    ONE,
    "np.random.PCG64 is not supported|np.random.Generator is not supported",
    hint="pass them as an argument",
)
def makes_a_generator_of_bits(x):
    return x * np.random.Generator(np.random.PCG64(0)).normal()  # <-- here


@refused(ONE, "math.fsum", hint="sum")
def exact_sum(x):
    return math.fsum((x, 1.0))  # <-- here


@refused(ONE, "decorated", hint="decorator")
def decorated_inside(x):
    @staticmethod  # <-- here
    def inner(v):
        return v * v

    return inner(x)


@refused(lambda: (0.5, 3), "itself with another function", hint="numbers")
def recursion_over_functions(x, n):
    def rec(f, k):
        if k == 0:
            return f(x)
        return rec(lambda t: f(t) * t, k - 1)  # <-- here

    return rec(np.sin, n)


@refused(lambda: (0.5, 3), "items of the list 'out'", "different ranks", hint="one list for each")
def list_of_arrays_of_two_ranks(x, n):
    out = []
    for k in range(n):
        if k > 1:
            out.append(np.ones(2) * x)  # <-- here
        else:
            out.append(np.ones((2, 2)) * x)
    return out[0][0]


@refused(lambda: (0.5, 3), "written after it is appended", hint="append(a.copy())")
def appended_array_is_written(x, n):
    u, out = np.ones(2), []
    for k in range(n):
        u[0] = x * k
        out.append(u)  # <-- here
    return out[0][0]


@refused(lambda: (0.5, 3), "written after it is appended", hint="append(a.copy())")
def appended_array_is_written_by_another_name(x, n):
    u, out = np.ones(2), []
    for _ in range(n):
        w = x * np.ones(2)
        u[0] = x
        out.append(w)  # <-- here
        u = w
    return out[0][0]


@refused(lambda: (0.5, 3), "an array of this list", "is written", hint="before it is appended")
def array_of_growing_list_is_written(x, n):
    out = []  # <-- here
    for _ in range(n):
        out.append(np.ones(2) * x)
    out[0][1] = 3.0
    return out[0][1]


@refused(lambda: (0.5, 3), ".pop() of a list of arrays", hint="counter")
def array_popped_from_growing_list(x, n):
    out = []
    for _ in range(n):
        out.append(np.ones(2) * x)
    return out.pop()[0]  # <-- here


@refused(lambda: (0.5, 3), "is replaced", hint="write into the array")
def array_of_list_replaced_by_run_time_index(x, n):
    out = [np.ones(2)]
    for _ in range(n):
        out.append(np.ones(2) * x)
    out[n % 2] = np.ones(2) * x  # <-- here
    return out[1][0]


@refused(lambda: (0.5, 3), "must have one shape", error=ValueError, compiles=True, python_runs=True)
def growing_list_of_arrays_of_two_shapes(x, n):
    out = []
    for k in range(n):
        out.append(np.ones(k + 1) * x)
    return out[0][0]


@refused(ONE, "held by 'a'", hint="return|array")
def list_that_a_callee_changes(x):
    a = [x]

    def grow(items):
        items.append(x * 2.0)  # <-- here

    grow(a)
    return a[1]


@refused(lambda: (0.5, [1.0]), "caller", hint="inside")
def argument_that_grows(x, p):
    p.append(x)  # <-- here
    return p[0] * x


@refused(lambda: (0.5, 3), "'a' is one of several lists", "changed since", hint="copy")
def one_of_two_lists_grows(x, n):
    a, b = [x], [x * x]
    c = a if n > 2 else b
    c.append(x)
    return c[0] * a[0]  # <-- here


@refused(lambda: (0.5, 3), "grows or shrinks while a loop runs over it", hint="copy|index")
def list_grows_while_it_is_run_over(x, n):
    a = [x for _ in range(n)]
    for v in a:
        a.append(v)
    return a[0]


@refused(lambda: (0.5, 1), "later items", hint="copy|index")
def list_is_replaced_ahead_of_a_loop_over_it(x, n):
    a = [x, x * x, x * n]
    for v in a:
        a[2] = v * x  # <-- here
    return a[2]


@refused(lambda: (0.5, 3), "shrinks while a loop runs over it", hint="copy|index")
def list_shrinks_while_it_is_run_over(x, n):
    a = [x for _ in range(n)]
    for _ in a:
        a.pop()
    return a[0]


@refused(lambda: (0.5, 3), "unknown length", hint="np.array")
def returns_a_list_of_unknown_length(x, n):
    return [x * i for i in range(n)]


@refused(lambda: (0.5, 2), "rest of a tuple", hint="slice")
def starred_rest_of_an_array(x, n):
    first, *rest = np.ones(n) * x  # <-- here
    return first


@refused(ONE, "once", hint="list")
def name_for_zip(x):
    pairs = zip((x, x), (1.0, 2.0), strict=True)  # <-- here
    return sum(a * b for a, b in pairs)


@refused(lambda: (0.5, 1), "different kinds", hint="if")
def item_of_different_kinds(x, k):
    t = (x, np.ones(3))
    return np.sum(t[k])  # <-- here


@refused(VECTOR, "max", "different kinds")
def key_of_a_dict_by_a_value(x):
    found = {"a": x[0], "b": x[1]}
    return found[max(found, key=lambda k: found[k])]  # <-- here


@refused(ONE, "digits", hint="round|scale|10")
def rounds_to_digits(x):
    return round(x, 2) * x  # <-- here


@refused(ONE, "`is`", hint="==")
def identity_of_numbers(x):
    return x if x is x * 1.0 else 2.0 * x  # <-- here


@refused(VECTOR, "target of a loop", hint="name")
def element_as_a_loop_target(x):
    y = np.zeros(1)
    for y[0] in x:  # <-- here
        pass
    return y[0]


@refused(VECTOR, "del of an element", hint="drop")
def deletes_an_element(x):
    y = {"a": x[0], "b": x[1]}
    del y["a"]  # <-- here
    return y["b"]


@refused(ONE, "yield", hint="array")
def generator_inside(x):
    def inner():
        yield x  # <-- here

    return inner() * x


@refused(ONE, "yield from", hint="array")
def yield_from_inside(x):
    def inner():
        yield from (x, x)  # <-- here

    return inner() * x


@refused(VECTOR, "expression", "lost", hint="name")
def sorts_a_selection(x):
    x[[2, 0]].sort()  # <-- here
    return x[0]


@refused(VECTOR, "expression", "lost", hint="name")
def accumulates_into_a_selection(x):
    np.add.at(x[x > 0.0], [0], 1.0)  # <-- here
    return x[0]


@refused(VECTOR, "expression", "lost", hint="name")
def fills_a_selection(x):
    x[[0, 1]].fill(2.0)  # <-- here
    return x[0]


def _chained(u, v, k):
    if k == 0:
        return u[0]
    u[k] = np.sin(u[k] * v[k - 1])
    return _chained(u, v, k - 1)


def endless(x):
    y = endless(0.5 * x)  # <-- here
    if x < 0.1:
        return x
    return y


@refused(ONE, "endless", "every path", hint="without such a call")
def recursion_without_an_end(x):
    return endless(x)  # <-- here


@refused(VECTOR, "random.random", hint="np.random|argument")
def numbers_of_the_random_module(x):
    return x[0] * random.random()  # <-- here


STREAM = np.random.default_rng(1)


@refused(VECTOR, "default_rng", "stream of its own", hint="outside")
def numbers_of_a_generator_from_outside(x):
    return x[0] * STREAM.normal()  # <-- here


@refused(VECTOR, "clock", "no argument", hint="outside")
def reads_the_clock(x):
    return x[0] * time.perf_counter()  # <-- here


@refused(lambda: ([1.0, 2.0],), "a list", hint="np.array")
def list_in_place_of_an_array(x):
    return np.sum(x * x)  # <-- here


def halved(x, n):
    return x if n == 0 else halved(0.5 * x, n - 1)


@refused(VECTOR, "halved", "was given (x)", "another path", hint="x.copy()")
def recursion_that_returns_its_argument_or_another_array(x):
    return np.sum(halved(x, 3))  # <-- here


@refused(VECTOR, "recursive function writes an array", "twice", hint="once")
def overlapping_slices_given_to_a_recursion(x):
    y = x * 1.0
    return _chained(y[1:], y[:-1], 1)  # <-- here


@refused(VECTOR, "recursive function writes an array", "twice", hint="once")
def maybe_one_array_given_to_a_recursion(x):
    y = x * 1.0
    z = y if x[0] > 0.0 else x * 2.0
    return _chained(z, y, 1)  # <-- here


@refused(VECTOR, "checkpoint", "head of a loop", hint="for t in")
def snapshots_of_no_loop(x):
    steps = srcad.checkpoint(range(3), snapshots=2)  # <-- here
    for i in steps:
        x[i] = x[i] * x[0]
    return x[0]


@refused(VECTOR, "takes what the loop runs over", hint="snapshots=10", error=ArgumentError)
def snapshots_without_a_number(x):
    for i in srcad.checkpoint(range(3)):  # <-- here
        x[i] = x[i] * x[0]
    return x[0]


@refused(VECTOR, "no amount of memory", "200MB", error=ArgumentValueError)
def snapshots_in_no_amount_of_memory(x):
    for i in srcad.checkpoint(range(3), memory="plenty"):  # <-- here
        x[i] = x[i] * x[0]
    return x[0]


@refused(VECTOR, "random numbers", hint="before the loop")
def random_numbers_with_snapshots(x):
    for i in srcad.checkpoint(range(3), snapshots=2):  # <-- here
        x[i] = x[i] * x[0] + np.random.random()
    return x[0]


@refused(VECTOR, "'w'", "made in a loop with snapshots", hint="before the loop")
def array_made_with_snapshots_and_read_after(x):
    for i in srcad.checkpoint(range(3), snapshots=2):  # <-- here
        w = x * x[i]
    return w[0]


@refused(VECTOR, "assigns 'u' anew", "another name too", hint="u = u.copy() before the loop")
def another_name_of_a_swapped_array(x):
    u, v = x.copy(), x.copy()
    first = u
    for i in srcad.checkpoint(range(3), snapshots=2):  # <-- here
        v[i] = u[i] * first[0]
        u, v = v, u
    return u[0]


@refused(VECTOR, "assigns 'x' anew", "read after it", hint="x = x.copy() before the loop")
def argument_that_is_read_by_another_name_after_snapshots(x):
    first = x
    for _ in srcad.checkpoint(range(3), snapshots=2):  # <-- here
        x[0] += x[1] * x[0]
        x = x.copy()
    return x[0] * first[0]


@refused(VECTOR, "assigns 'u' anew", "written after the loop", hint="u = u.copy() before the loop")
def array_with_snapshots_written_after_by_another_name(x):
    u = x * x
    first = u
    for _ in srcad.checkpoint(range(3), snapshots=2):  # <-- here
        u = u * x
    first[0] = u[1] * u[0]
    return u[0] * first[0]


@refused(VECTOR, "has a name", hint="tuple")
def named_list_in_a_list_that_grows(x):
    rows = []
    for v in x:
        row = [v, 2.0 * v]
        rows.append(row)  # <-- here
        row[0] = 1.0
    return np.sum(np.array(rows))


@refused(VECTOR, "one structure", hint="one list for each")
def tuples_of_two_structures(x):
    rows = []
    for v in x:
        rows.append((v, v))
        if v > 1.0:
            rows.append((v, v, v))  # <-- here
    return rows[0][0]


@refused(VECTOR, "another name stands for", hint="list")
def list_that_another_name_stands_for(x):
    a = [v for v in x if v > 0.0]
    b = a
    if x[0] > 0.0:
        a = [2.0 * v for v in x if v > 1.0]
    b.append(1.0)  # <-- here
    return sum(a) + sum(b)


@refused(VECTOR, "one of two", hint="list")
def one_of_two_lists_at_run_time_grows(x):
    a = [v for v in x if v > 0.0]
    if x[0] > 0.0:
        a = [2.0 * v for v in x if v > 1.0]
    a.append(1.0)  # <-- here
    return sum(a)


@refused(VECTOR, "no other name", hint="list")
def one_of_two_lists_gets_a_name(x):
    a = [v for v in x if v > 0.0]
    if x[0] > 0.0:
        a = [2.0 * v for v in x if v > 1.0]
    b = a  # <-- here
    return sum(b)


@refused(VECTOR, "several functions", hint="if")
def one_of_two_functions(x):
    def holding(v):
        y = 2.0 * v
        return lambda: y

    g = holding(x[0])
    if x[0] > 0.0:
        g = holding(x[1])
    return g()  # <-- here
