"""The source of a function is what a call would run, or is refused."""

# ruff: noqa: E731 (lambdas are what is looked for)

import ast
import functools
import gc
import importlib.util
import linecache
import math
import subprocess
import sys
import textwrap
import types
import weakref

import gast
import numba
import numpy as np
import pytest

import srcad
from srcad.errors import ArgumentError, SourceNotFoundError, UnsupportedError
from srcad.frontend import source as module_under_test
from srcad.frontend.source import find_source

SCALE = 3.0


def unparsed(f):
    return ast.unparse(gast.gast_to_ast(find_source(f).node))


def body(f):
    return "\n".join(ast.unparse(gast.gast_to_ast(s)) for s in find_source(f).node.body)


def caret(f, node):
    return find_source(f).position(node).caret().splitlines()


class Library:
    """Modules that are written, imported, and written again."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    def load(self, text, *, newline="\n", encoding="utf-8"):
        self.count += 1
        path = self.folder / f"written_{self.count}.py"
        self.write(path, text, newline, encoding)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def write(self, path, text, newline="\n", encoding="utf-8"):
        text = textwrap.dedent(text)
        with open(path, "w", newline=newline, encoding=encoding) as file:
            file.write(text)

    def edit(self, module, text):
        self.write(module.__file__, text)


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return Library(tmp_path)


@pytest.fixture
def cell():
    """Runs text as a notebook does: under a name of its own, known to linecache."""
    made = []

    def run(text, flags=0, **names):
        file = f"<cell-{len(made)}>"
        made.append(file)
        text = textwrap.dedent(text)
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        scope = {"__name__": "__main__", **names}
        exec(compile(text, file, "exec", flags, dont_inherit=True), scope)
        return types.SimpleNamespace(**scope)

    yield run
    for file in made:
        linecache.cache.pop(file, None)


def square(x):
    """A docstring."""
    return x * x


def unchanged(f):
    return f


def doubled(f):
    @functools.wraps(f)
    def run(*args):
        return 2.0 * f(*args)

    return run


def doubled_unsaid(f):
    def run(x):
        return 2.0 * f(x)

    return run


# ---------------------------------------------------------------- what is found


def test_def():
    found = find_source(square)
    assert found.function is square
    assert found.name == "square"
    assert isinstance(found.node, gast.FunctionDef)
    assert found.file == __file__
    assert found.lines[found.node.lineno - 1] == "def square(x):"
    assert body(square).endswith("return x * x")


def test_lambda_becomes_a_function_with_one_return():
    f = lambda x, k=2: k * x
    found = find_source(f)
    assert found.function is f
    assert found.name == "lambda_"
    assert isinstance(found.node, gast.FunctionDef)
    assert unparsed(f) == "def lambda_(x, k=2):\n    return k * x"


def test_lambda_over_several_lines():
    f = (
        lambda x:
        x
        * SCALE
    )  # fmt: skip
    assert body(f) == "return x * SCALE"


def test_lambdas_on_one_line():
    a, b, c = lambda x: x * x, lambda x: x + x, lambda x: (x * x)  # fmt: skip
    assert body(a) == "return x * x"
    assert body(b) == "return x + x"
    assert body(c) == "return x * x"
    one, two = find_source(a), find_source(b)
    assert one.position(one.node).column < two.position(two.node).column


def test_lambdas_that_differ_in_a_constant_only():
    fs = [lambda x: x + 1, lambda x: x + 1.0, lambda x: x + True, lambda x: x * 0.0, lambda x: x * -0.0]  # fmt: skip
    found = [body(f) for f in fs]
    assert found == [
        "return x + 1",
        "return x + 1.0",
        "return x + True",
        "return x * 0.0",
        "return x * -0.0",
    ]


def test_lambdas_that_differ_in_names_only():
    fs = [lambda x: np.sin(x), lambda x: np.cos(x), lambda y: np.sin(y), lambda x: math.sin(x)]
    assert [unparsed(f) for f in fs] == [
        "def lambda_(x):\n    return np.sin(x)",
        "def lambda_(x):\n    return np.cos(x)",
        "def lambda_(y):\n    return np.sin(y)",
        "def lambda_(x):\n    return math.sin(x)",
    ]


def test_lambdas_in_one_call():
    def both(f, g):
        return body(f), body(g)

    assert both(lambda x: x if x > 0.0 else 0.0, lambda x: x if x > 0.0 else -x) == (
        "return x if x > 0.0 else 0.0",
        "return x if x > 0.0 else -x",
    )


def test_lambda_in_a_lambda():
    outer = lambda x: lambda y: x * y
    assert body(outer) == "return lambda y: x * y"
    assert body(outer(2.0)) == "return x * y"


def test_lambda_in_a_default():
    f = lambda x, g=(lambda x: x * x): g(x)
    assert body(f) == "return g(x)"
    assert body(f.__defaults__[0]) == "return x * x"


def test_lambdas_with_constants_folded():
    a, b = lambda x: x if True else 2.0, lambda x: (lambda: x if True else 3.0)  # fmt: skip
    assert body(a) == "return x if True else 2.0"
    assert body(b).startswith("return lambda:")
    assert body(b(1.0)) == "return x if True else 3.0"


def test_lambda_in_a_comprehension():
    fs = [(lambda x: k * x, lambda x: k + x) for k in (2.0, 3.0)]
    assert [body(f) for pair in fs for f in pair] == ["return k * x", "return k + x"] * 2
    assert [find_source(f).lookup("k") for f, _ in fs] == [3.0, 3.0]


def test_lambda_after_text_of_several_bytes():
    a, b = ("é", lambda x: x * "é".__len__()), ("日本", lambda x: x + 1.0)  # fmt: skip
    found = find_source(b[1])
    position = found.position(found.node)
    assert position.text[position.column : position.end] == "lambda x: x + 1.0"
    assert body(a[1]) == "return x * 'é'.__len__()"


def test_recursive_function():
    assert "return x * factorial(x - 1)" in body(factorial)

    def down(x):
        return down(x - 1.0) if x > 0.0 else x

    assert find_source(down).lookup("down") is down


def factorial(x):
    if x < 2:
        return 1
    return x * factorial(x - 1)


def test_two_definitions_of_one_name():
    def f(x):
        return x

    first = f

    def f(x):
        return x * x

    assert body(first) == "return x"
    assert body(f) == "return x * x"


def test_definitions_in_branches():
    def make(kind):
        if kind:

            def f(x):
                return x
        else:

            def f(x):
                return -x

        return f  # fmt: skip

    assert [body(make(k)) for k in (True, False)] == ["return x", "return -x"]


def test_nested_function_with_dedented_text():
    def make():
        def f(x):
            note = """
first line
    second line
"""
            return x * len(note)

        return f

    f = make()
    assert find_source(f).node.body[-1].lineno == f.__code__.co_firstlineno + 5
    assert body(f).endswith("return x * len(note)")


def test_positions_are_those_of_the_file(library):
    module = library.load("""
        import math

        class Space:
            def make():
                def f(x):
                    y = math.sin(x)
                    return y
                return f
    """)
    f = module.Space.make()
    found = find_source(f)
    call = found.node.body[0].value
    position = found.position(call)
    assert (position.file, position.line) == (module.__file__, 7)
    assert position.caret().splitlines() == [
        "            y = math.sin(x)",
        "                ^^^^^^^^^^^",
    ]


def test_position_of_what_spans_lines():
    def f(x):
        return (
            x
            + SCALE
        )  # fmt: skip

    found = find_source(f)
    position = found.position(found.node)
    assert position.text == "    def f(x):"
    assert (position.column, position.end) == (4, len(position.text))


def test_tabs_and_crlf(library):
    text = "import math\n\ndef f(x):\n\tif x > 0:\n\t\ty = 'é' and math.sin(x)\n\t\treturn y\n\treturn x\n"
    for newline in ("\n", "\r\n", "\r"):
        module = library.load(text, newline=newline)
        found = find_source(module.f)
        call = found.node.body[0].body[0].value.values[1]
        position = found.position(call)
        assert position.line == 5
        assert position.text == "\t\ty = 'é' and math.sin(x)"
        assert position.caret().splitlines()[1] == "\t\t" + " " * 12 + "^" * 11


def test_crlf_in_a_string(library):
    module = library.load('def f(x):\n    s = """a\nb"""\n    return x * len(s)\n', newline="\r\n")
    assert body(module.f) == "s = 'a\\nb'\nreturn x * len(s)"


def test_form_feeds_end_no_line(library):
    module = library.load("x = 1\n\x0c\ny = '\x0b \x1c \u2028'\ndef f(x):\n    return x * x\n")
    found = find_source(module.f)
    assert found.position(found.node).text == "def f(x):"
    assert found.position(found.node.body[0]).text == "    return x * x"


def test_encoding_and_byte_order_mark(library):
    text = "# -*- coding: latin-1 -*-\ndef f(x):\n    s = 'é'; return x * len(s)\n"
    found = find_source(library.load(text, encoding="latin-1").f)
    assert found.position(found.node.body[1]).caret().splitlines()[1] == " " * 13 + "^" * 17
    assert body(library.load("def f(x):\n    return x\n", encoding="utf-8-sig").f) == "return x"


def test_file_that_does_not_end_in_a_newline(library):
    assert body(library.load("def f(x):\n    return x").f) == "return x"


def test_future_annotations(library):
    module = library.load("""
        from __future__ import annotations
        def f(x: Unknown) -> Unknown:
            def g(y: Nowhere): return y
            return g(x)
    """)
    assert body(module.f).endswith("return g(x)")


def test_annotations_and_kinds_of_parameters(library):
    module = library.load("""
        def f(a: float, /, b: int = 2, *rest, c: float = 3.0, **more) -> float:
            y: float = a * b * c
            return y
    """)
    assert unparsed(module.f).startswith(
        "def f(a: float, /, b: int=2, *rest, c: float=3.0, **more) -> float:"
    )


def test_text_that_warns_when_compiled(library):
    text = "def f(x):\n    s = '\\d'\n    return x * (len(s) is 2)\n"
    linecached = types.ModuleType("warns")
    path = library.folder / "warns.py"
    library.write(path, text)
    with pytest.warns((SyntaxWarning, DeprecationWarning)):
        exec(compile(text, str(path), "exec"), vars(linecached))
    assert body(linecached.f).endswith("return x * (len(s) is 2)")  # warnings are errors here


def test_set_constants(library):
    module = library.load("""
        def f(x, kind):
            return x if kind in {"a", "b", "c", "d", "e", "f", "g", "h"} else -x
    """)
    names = list("hgfedcba")
    consts = tuple(
        frozenset(names) if isinstance(c, frozenset) else c for c in module.f.__code__.co_consts
    )  # what a .pyc gives has another order
    module.f.__code__ = module.f.__code__.replace(co_consts=consts)
    assert body(module.f).startswith("return x if kind in {")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="new syntax")
def test_type_parameters(library):
    module = library.load("def f[T](x: T) -> T:\n    return x * x\n")
    assert body(module.f) == "return x * x"


# ---------------------------------------------------------------- decorators and wrappers


def test_decorators_that_return_the_function():
    @unchanged
    @unchanged
    def f(x):
        return x * x

    found = find_source(f)
    assert found.function is f
    assert found.node.decorator_list == []
    assert found.position(found.node).text == "    def f(x):"


def test_decorators_stay_on_nested_functions():
    def f(x):
        @unchanged
        def g(y):
            return y * y

        return g(x), g

    g = f(1.0)[1]
    assert find_source(g).node.decorator_list == []
    assert "@unchanged" in body(f)
    assert find_source(g).position(find_source(g).node).text.strip() == "def g(y):"


def test_while_being_decorated():
    seen = []

    def look(f):
        seen.append(body(f))
        return doubled(f)

    @doubled
    @look
    def f(x):
        return x * x

    assert seen == ["return x * x"]


def test_numba_dispatcher():
    @numba.njit
    def f(x):
        return x * x

    found = find_source(f)
    assert found.function is f.py_func
    assert (found.name, body(f)) == ("f", "return x * x")
    assert body(numba.njit(lambda x: x + x)) == "return x + x"
    assert body(numba.njit(parallel=True, fastmath=True)(square)).endswith("return x * x")


def test_derivative():
    assert find_source(srcad.grad(square)).function is square
    assert find_source(srcad.grad(numba.njit(square))).function is square


def test_wrapper_that_hides_nothing_is_its_own_source():
    f = doubled_unsaid(square)
    found = find_source(f)
    assert body(f) == "return 2.0 * f(x)"
    assert found.lookup("f") is square


@pytest.mark.parametrize("inner", [square, numba.njit(square), srcad.grad(square)])
@pytest.mark.parametrize("wrap", [doubled, lambda f: numba.njit(doubled(f))])
def test_wrapper_is_refused(inner, wrap):
    # functools.wraps copies the attributes of the function, py_func and __srcad_primal__ too
    with pytest.raises(SourceNotFoundError, match=r"decorator.*would be skipped"):
        find_source(wrap(inner))


@pytest.mark.parametrize("inner", [square, numba.njit(square), srcad.grad(square)])
def test_cache_is_refused(inner):
    for wrap in (functools.lru_cache, functools.cache):
        with pytest.raises(SourceNotFoundError, match=r"_lru_cache_wrapper.*would skip"):
            find_source(wrap(inner))


def test_attributes_alone_are_not_believed():
    def f(x):
        return 2.0 * x

    f.py_func = square
    f.__srcad_primal__ = square
    assert find_source(f).function is f

    class Callable:
        py_func = staticmethod(square)
        __srcad_primal__ = staticmethod(square)

        def __call__(self, x):
            return 5.0 * x

    with pytest.raises(SourceNotFoundError, match="Callable"):
        find_source(Callable())


def test_universal_functions_of_numba_are_refused():
    @numba.guvectorize(["void(float64[:], float64[:])"], "(n)->(n)")
    def f(a, out):
        out[0] = a[0]

    with pytest.raises(SourceNotFoundError, match="GUFunc"):
        find_source(f)
    with pytest.raises(SourceNotFoundError, match="DUFunc"):
        find_source(numba.vectorize(square))


def test_single_dispatch_and_static_method_objects_are_refused():
    for f in (functools.singledispatch(square), staticmethod(square)):
        with pytest.raises(SourceNotFoundError, match="skip"):
            find_source(f)


# ---------------------------------------------------------------- what is no function


class Model:
    scale = 2.0

    def energy(self, x):
        return self.scale * x

    @staticmethod
    def fixed(x):
        return x * x

    @classmethod
    def made(cls, x):
        return cls.scale * x

    plain = lambda x: x + x

    def hidden(self):
        __k = 2.0

        def f(x):
            return __k * x

        return f

    def open(self):
        k = 2.0

        def f(x):
            return k * x

        return f

    def __call__(self, x):
        return x


def test_methods_are_refused():
    for f in (Model().energy, Model.made, Model().plain):
        with pytest.raises(UnsupportedError, match=r"bound method.*not supported[\s\S]*Instead"):
            find_source(f)
    assert find_source(Model.energy).name == "energy"


def test_functions_of_a_class_that_are_no_methods():
    assert body(Model.fixed) == "return x * x"
    assert body(Model().fixed) == "return x * x"
    assert body(Model.plain) == "return x + x"
    assert body(Model().open()) == "return k * x"


def test_private_names_of_a_class_are_refused():
    with pytest.raises(UnsupportedError, match="__k is a private name"):
        find_source(Model().hidden())


def test_double_underscores_outside_of_a_class(library):
    module = library.load("__k = 2.0\ndef f(x, __y=1.0):\n    return __k * x * __y\n")
    assert find_source(module.f).lookup("__k") == 2.0


@pytest.mark.parametrize(
    ("thing", "error", "words"),
    [
        (functools.partial(square, 2.0), ArgumentError, "partial[\\s\\S]*Instead: write"),
        (Model, ArgumentError, "Model is a class"),
        (3.5, ArgumentError, "function is expected, not float 3.5"),
        (None, ArgumentError, "function is expected, not NoneType"),
        (math.sin, SourceNotFoundError, "source of sin"),
        (len, SourceNotFoundError, "source of len"),
        (np.tanh, SourceNotFoundError, "tanh.*ufunc"),
        (np.linalg.norm, SourceNotFoundError, "norm"),
        (np.vectorize(square), SourceNotFoundError, "square|vectorize"),
        ("".join, SourceNotFoundError, "join"),
        (Model(), SourceNotFoundError, "Model"),
    ],
)
def test_what_is_no_function_is_refused(thing, error, words):
    with pytest.raises(error, match=words):
        find_source(thing)


def test_partial_that_wraps_is_a_partial():
    f = functools.update_wrapper(functools.partial(square, 2.0), square)
    with pytest.raises(ArgumentError, match="partial"):
        find_source(f)


async def awaits(x):
    return x


def yields(x):
    inner = lambda: (yield 2.0)
    y = inner
    yield x * y


async def both(x):
    yield x


@types.coroutine
def old_style(x):
    yield x


@pytest.mark.parametrize(
    ("f", "words", "line"),
    [
        (awaits, "coroutine.*async", "async def awaits"),
        (yields, "generator.*yield", r"    yield x \* y\n +\^{11}\n"),
        (both, "coroutine.*async", "async def both"),
        (old_style, "coroutine|generator", "yield x|def old_style"),
        (lambda x: (yield x), "generator", ""),
    ],
)
def test_coroutines_and_generators_are_refused(f, words, line):
    with pytest.raises(UnsupportedError, match=words) as caught:
        find_source(f)
    assert caught.match(line)


def test_function_around_a_generator_is_plain():
    def f(x):
        def g():
            yield x

        return sum(g()) + sum(x for _ in range(2))

    assert "yield x" in body(f)


# ---------------------------------------------------------------- text that is not there, or not it


def test_exec_without_text():
    scope = {}
    exec("def f(x):\n    return x * x\ng = lambda x: x", scope)
    for f in (scope["f"], scope["g"]):
        with pytest.raises(SourceNotFoundError, match=r"'<string>' is not a file[\s\S]*Instead"):
            find_source(f)


@pytest.mark.parametrize("how", ["-c", "-"])
def test_command_line_and_standard_input(how):
    text = (
        "from srcad.frontend.source import find_source\n"
        "from srcad.errors import SourceNotFoundError\n"
        "def f(x):\n    return x * x\n"
        "try:\n    print(len(find_source(f).node.body))\n"
        "except SourceNotFoundError as error:\n    print(error)\n"
    )
    given = {"input": text} if how == "-" else {}
    args = [sys.executable, how, *([text] if how == "-c" else [])]
    ran = subprocess.run(args, capture_output=True, text=True, check=True, timeout=60, **given)
    if ran.stdout.strip() != "1":  # Python 3.13 keeps the text of some
        assert "cannot be read" in ran.stdout
        assert "Instead: save the function in a module" in ran.stdout
    if sys.version_info < (3, 13):
        assert ran.stdout.strip() != "1"


def test_cell(cell):
    found = cell("""
        k = 2.0
        def f(x):
            return k * x
        g = lambda x: x + k
    """)
    assert body(found.f) == "return k * x"
    assert body(found.g) == "return x + k"
    assert find_source(found.f).file == found.f.__code__.co_filename
    assert caret(found.f, find_source(found.f).node.body[0])[0] == "    return k * x"


def test_cells_of_equal_text_are_apart(cell):
    text = "def f(x):\n    return k * x\n"
    one, two = cell(text, k=2.0).f, cell(text, k=3.0).f
    assert one.__code__.co_filename != two.__code__.co_filename
    assert [find_source(f).lookup("k") for f in (one, two)] == [2.0, 3.0]
    assert [find_source(f).file for f in (one, two)] == ["<cell-0>", "<cell-1>"]


def test_cell_that_is_run_again(cell):
    first = cell("def f(x):\n    return x\n").f
    second = cell("def f(x):\n    return x * x\n").f
    assert [body(f) for f in (first, second)] == ["return x", "return x * x"]


def test_cell_under_future_annotations_of_another(cell):
    flags = __import__("__future__").annotations.compiler_flag
    found = cell("def f(x: Nowhere):\n    def g(y: Nowhere): return y\n    return g(x)\n", flags)
    assert body(found.f).endswith("return g(x)")


def test_cell_that_awaits(cell):
    text = "def f(x):\n    return x * x\n"
    f = cell(text).f
    file = f.__code__.co_filename
    text += "await something\n"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    assert body(f) == "return x * x"


def test_prompt_of_python_3_13(monkeypatch):
    text = "def f(x):\n    return x * x\n"
    scope = {}
    exec(compile(text, "<python-input-7>", "exec"), scope)
    f = scope["f"]
    monkeypatch.setattr(
        linecache,
        "_getlines_from_code",
        lambda code: text.splitlines(keepends=True) if code is f.__code__ else [],
        raising=False,
    )
    assert body(f) == "return x * x"
    assert caret(f, find_source(f).node)[0] == "def f(x):"


ORIGINAL = """
    import math
    K = 2.0

    def f(x):
        return K * x

    def g(x):
        def inner(y):
            return x * y * 1.0
        return inner
    h = lambda x: x + 1.0
"""


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("f", "K * x", "K * x * x"),  # code
        ("f", "K * x", "M * x"),  # a name
        ("g", "y * 1.0", "y * 2.0"),  # a constant inside
        ("g", "y * 1.0", "y * 1"),  # its type
        ("h", "x + 1.0", "x + 1"),
        ("h", "lambda x: x +", "lambda y: y +"),  # a parameter
        ("f", "def f(x)", "def f(x, *more)"),
        ("f", "def f", "def renamed"),
        ("f", "return", "retrun"),  # no Python
        ("f", "return K * x", "async def z(): pass\n        yield K * x"),
    ],
)
def test_edited_file_is_refused(library, name, old, new):
    assert ORIGINAL.count(old) >= 1
    module = library.load(ORIGINAL)
    library.edit(module, ORIGINAL.replace(old, new))
    with pytest.raises(SourceNotFoundError, match=r"changed after its import[\s\S]*reload"):
        find_source(getattr(module, name))


def test_another_function_at_its_place_is_refused(library):
    module = library.load(ORIGINAL)
    library.edit(
        module, ORIGINAL.replace("def f(x):\n        return K * x", "def f(x):\n        return -x")
    )
    with pytest.raises(SourceNotFoundError, match="changed"):
        find_source(module.f)


def test_edited_elsewhere_is_found_where_it_is_now(library):
    module = library.load(ORIGINAL)
    library.edit(module, "# new\n# lines\n" + textwrap.dedent(ORIGINAL).replace("K = 2.0", "K = 4"))
    found = find_source(module.f)
    assert found.position(found.node).text == "def f(x):"
    assert found.node.lineno == module.f.__code__.co_firstlineno + 2
    assert body(module.h) == "return x + 1.0"
    assert found.lookup("K") == 2.0


def test_found_before_the_file_was_edited(library):
    module = library.load(ORIGINAL)
    assert body(module.f) == "return K * x"
    library.edit(module, ORIGINAL.replace("K * x", "K - x"))
    assert body(module.f) == "return K * x"  # what runs
    with pytest.raises(SourceNotFoundError):
        find_source(types.FunctionType(module.f.__code__.replace(), vars(module)))


def test_edited_and_reloaded(library):
    module = library.load(ORIGINAL)
    old = module.f
    assert body(old) == "return K * x"
    library.edit(module, ORIGINAL.replace("K * x", "K - x - 1.0"))
    module.__spec__.loader.exec_module(module)
    assert body(module.f) == "return K - x - 1.0"
    assert body(old) == "return K * x"


def test_deleted_file(library):
    module = library.load(ORIGINAL)
    (library.folder / f"{module.__name__}.py").unlink()
    with pytest.raises(SourceNotFoundError, match="cannot be read"):
        find_source(module.f)


def test_edited_docstring_and_comment(library):
    text = "def f(x):\n    # comment\n    return x\n"
    module = library.load(text)
    library.edit(module, text.replace("comment", "other words"))
    assert body(module.f) == "return x"


def test_exception_handlers_are_compared(library):
    text = "def f(x):\n    try:\n        y = x\n    except ValueError:\n        y = 0.0\n    return y\n"
    module = library.load(text)
    library.edit(module, text.replace("        y = x\n", "        y = x\n        z = y\n"))
    with pytest.raises(SourceNotFoundError, match="changed"):
        find_source(module.f)


def test_assert_that_pytest_rewrote_is_refused():
    def f(x):
        assert x > 0.0
        return x * x

    with pytest.raises(SourceNotFoundError, match=r"pytest has rewritten[\s\S]*DONT_REWRITE"):
        find_source(f)


def test_assert(library):
    assert body(library.load("def f(x):\n    assert x > 0.0\n    return x\n").f).startswith(
        "assert"
    )


# ---------------------------------------------------------------- names that it sees


def test_lookup_of_cells_globals_and_builtins(monkeypatch):
    k = 2.0
    len = 5.0

    def f(x):
        return k * x * SCALE * len * abs(x)

    found = find_source(f)
    assert found.lookup("k") == 2.0
    assert found.lookup("len") == 5.0
    assert found.lookup("SCALE") == 3.0
    assert found.lookup("abs") is abs
    k = 4.0
    monkeypatch.setitem(globals(), "SCALE", 7.0)
    assert found.lookup("k") == 4.0
    assert found.lookup("SCALE") == 7.0
    with pytest.raises(KeyError, match="nowhere"):
        found.lookup("nowhere")


def test_lookup_of_an_empty_cell():
    def f(x):
        return SCALE_INSIDE * x

    if f is None:
        SCALE_INSIDE = 1.0  # bound nowhere when f runs
    with pytest.raises(KeyError, match="SCALE_INSIDE"):
        find_source(f).lookup("SCALE_INSIDE")


def test_a_cell_is_not_shadowed_by_a_global_of_the_name():
    SCALE = 11.0

    def f(x):
        return SCALE * x

    def empty():
        nonlocal SCALE
        del SCALE

    assert find_source(f).lookup("SCALE") == 11.0
    empty()
    with pytest.raises(KeyError):
        find_source(f).lookup("SCALE")


def test_lookup_of_replaced_builtins(cell):
    found = cell("def f(x):\n    return double(x)\n", __builtins__={"double": square})
    assert find_source(found.f).lookup("double") is square
    with pytest.raises(KeyError):
        find_source(found.f).lookup("abs")


def test_functions_of_one_code_are_apart():
    def make(k, d):
        def f(x, d=d):
            return k * x + d

        return f

    one, two = make(2.0, 0.0), make(3.0, 1.0)
    assert one.__code__ is two.__code__
    first, second = find_source(one), find_source(two)
    assert first.function is one
    assert second.function is two
    assert (first.lookup("k"), second.lookup("k")) == (2.0, 3.0)
    assert (first.function.__defaults__, second.function.__defaults__) == ((0.0,), (1.0,))


def test_a_name_used_only_inside_a_nested_function():
    k = 2.0

    def f(x):
        def g(y):
            return k * y

        return g(x)

    assert find_source(f).lookup("k") == 2.0


# ---------------------------------------------------------------- keys, and what is kept


def test_identity(library):
    text = "def f(x):\n    return x * 2.0\n"
    one, two = library.load(text), library.load("\n\n" + text)
    other, typed = library.load(text.replace("2.0", "3.0")), library.load(text.replace("2.0", "2"))
    keys = [find_source(m.f).identity() for m in (one, two, other, typed)]
    assert keys[0] == keys[1]
    assert len({*keys}) == 3
    assert one.__file__ not in repr(keys[0])


def test_a_warm_call_reads_nothing(monkeypatch):
    def f(x):
        return x * x

    find_source(f)
    refuse = lambda *_: pytest.fail("read again")
    monkeypatch.setattr(linecache, "getlines", refuse)
    monkeypatch.setattr(linecache, "checkcache", refuse)
    monkeypatch.setattr(gast, "parse", refuse)
    assert find_source(f).function is f
    assert find_source(numba.njit(f)).function is f


def test_a_file_is_parsed_once(library, monkeypatch):
    module = library.load(ORIGINAL)
    parse, calls = gast.parse, []
    monkeypatch.setattr(gast, "parse", lambda *args: (calls.append(args), parse(*args))[1])
    for f in (module.f, module.g, module.g(2.0), module.h):
        find_source(f)
    assert len(calls) == 1


def test_new_code_of_a_function_is_seen():
    def f(x):
        return x

    assert body(f) == "return x"
    f.__code__ = square.__code__
    assert body(f).endswith("return x * x")


def test_functions_are_not_kept_alive(cell):
    f = cell("def f(x):\n    return x * 123.0\n").f
    find_source(f)
    code = weakref.ref(f.__code__)
    assert id(f.__code__) in module_under_test._found
    f.__globals__.clear()
    gone, key = weakref.ref(f), id(f.__code__)
    del f
    gc.collect()
    assert gone() is None
    assert code() is None or not any(
        found[0]() is None for found in [module_under_test._found[key]]
    )
