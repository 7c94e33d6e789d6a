"""What ``grad`` and ``value_and_grad`` return, called in every way that the contract names."""

import inspect
import math
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest
from numba import njit

import srcad
from srcad import grad, value_and_grad

Point = namedtuple("Point", "x y n")

SCALE = 2.0
WEIGHTS = np.array([1.0, 2.0, 3.0])


def energy(x, k=2.0):
    """Energy of a spring."""
    return 0.5 * k * x * x


def keywords(x, /, y, *, k=3.0):
    return x * y * y * k


def cubes(x):
    s = 0.0
    for i in range(x.size):
        s += x[i] * x[i] * x[i]
    return s


def zero_d(a):
    return a[()] * a[()]


def overwrites(x):
    for i in range(x.size):
        x[i] = x[i] * x[i]
    return x[0] + 2.0 * x[1]


def overwrites_from(x, y):
    for i in range(x.size):
        x[i] = y[i] * y[i]
    return np.sum(x)


def pair_product(pair, c):
    return pair[0] * pair[1] * c


def point_norm(p):
    return p.n * (p.x * p.x + p.y * p.y)


def nested(t):
    (a, b), c = t
    return a * b[0] * c


def list_total(ws):
    s = 0.0
    for w in ws:
        s += np.sum(w * w)
    return s


def with_rest(x, *rest):
    s = x
    for r in rest:
        s = s * r + x
    return s


def with_aux(x, c):
    y = x * c
    return y * y, y


def with_two_aux(x, n):
    return x * x, 2.0 * x, n + 1


def array_aux(x):
    return np.sum(x * x), x


def by_mode(x, mode):
    if mode == "cube":
        return x * x * x
    return x


def applied(g, x):
    return g(x) * x


def maybe(x, y):
    if y is None:
        return x * x
    return x * y


def scaled(x):
    return SCALE * x * x


def weighted(x):
    return np.sum(WEIGHTS * x * x)


def single(x):
    return x * x * x


def names_out(x, out):
    return x * x * out


def close(found, expected):
    return found == pytest.approx(expected, rel=1e-12)


class TestCalls:
    def test_positional_keyword_and_default(self):
        g = grad(energy, jit=False)
        assert g(3.0) == 6.0
        assert g(3.0, 4.0) == 12.0
        assert g(3.0, k=4.0) == 12.0
        assert g(k=4.0, x=3.0) == 12.0
        assert type(g(3.0)) is float

    def test_as_many_arguments_as_parameters(self):
        def f(x, *, k):
            return k * x * x

        g = grad(f, jit=False)
        assert g(3.0, k=2.0) == g(x=3.0, k=2.0) == g(k=2.0, x=3.0) == 12.0
        with pytest.raises(
            srcad.errors.ArgumentError, match="takes 1 positional argument but 2 were given"
        ):
            g(3.0, 2.0)
        with pytest.raises(srcad.errors.ArgumentError, match="multiple values for argument 'x'"):
            g(3.0, x=2.0)
        with pytest.raises(srcad.errors.ArgumentError, match="unexpected keyword argument 'c'"):
            g(3.0, c=2.0)

    def test_positional_only_and_keyword_only(self):
        g = grad(keywords, wrt=("k", 0), jit=False)
        assert g(2.0, 3.0) == (18.0, 27.0)
        assert g(2.0, y=3.0, k=1.0) == (18.0, 9.0)

    def test_the_default_is_read_at_each_call(self):
        def local(x, k=2.0):
            return k * x * x

        g = grad(local, jit=False)
        assert g(3.0) == 12.0
        local.__defaults__ = (5.0,)
        assert g(3.0) == 30.0

    def test_decorators(self):
        @grad(jit=False)
        def square(x):
            return x * x

        @grad(wrt="k", jit=False)
        def product(x, k):
            return x * k

        @value_and_grad(jit=False)
        def cube(x):
            return x * x * x

        assert square(3.0) == 6.0
        assert product(3.0, 5.0) == 3.0
        assert cube(2.0) == (8.0, 12.0)

    def test_bare_decorator(self):
        @grad
        def square(x):
            return x * x

        assert square(3.0) == 6.0

    def test_metadata(self):
        g = grad(energy)
        assert g.__name__ == "energy"
        assert g.__doc__ == "Energy of a spring."
        assert g.__module__ == __name__
        assert g.primal is energy
        assert g.__srcad_primal__ is energy
        assert inspect.signature(g) == inspect.signature(energy)
        assert "energy" in repr(g)

    def test_numba_function(self):
        compiled = njit(energy)
        assert grad(compiled, jit=False)(3.0) == 6.0
        assert grad(compiled).primal is compiled

    def test_lambda(self):
        g = grad(lambda x: x * x * x, jit=False)
        assert g(2.0) == 12.0

    def test_varargs(self):
        assert close(grad(with_rest, jit=False)(0.7, 2.0, 3.0), 2.0 * 3.0 + 3.0 + 1.0)
        found = grad(with_rest, wrt="rest", jit=False)(0.7, 2.0, 3.0)
        assert close(found, (0.7 * 3.0, 0.7 * 2.0 + 0.7))

    def test_a_parameter_named_out(self):
        g = grad(names_out, jit=False)
        assert g(3.0, out=2.0) == 12.0
        assert g(3.0, 2.0) == 12.0


class TestWrt:
    def test_order_and_single_tuple(self):
        assert grad(energy, wrt=(1, 0), jit=False)(3.0, 2.0) == (4.5, 6.0)
        assert grad(energy, wrt=("k",), jit=False)(3.0, 2.0) == (4.5,)
        assert grad(energy, wrt=-1, jit=False)(3.0, 2.0) == 4.5

    def test_mixed_kinds(self):
        def f(x, a, n):
            return x * a[n]

        found = grad(f, wrt=(1, "x"), jit=False)(3.0, np.array([1.0, 2.0]), 1)
        assert np.array_equal(found[0], [0.0, 3.0])
        assert found[1] == 2.0

    def test_unused(self):
        def f(x, y):
            return x * x

        found = grad(f, wrt=(0, 1), jit=False)(3.0, np.ones(2))
        assert found[0] == 6.0
        assert np.array_equal(found[1], [0.0, 0.0])


class TestStructures:
    def test_tuple(self):
        found = grad(pair_product, jit=False)((2.0, 3.0), 5.0)
        assert type(found) is tuple
        assert found == (15.0, 10.0)

    def test_namedtuple_with_an_integer(self):
        found = grad(point_norm, jit=False)(Point(2.0, 3.0, 5))
        assert type(found) is Point
        assert found == Point(20.0, 30.0, None)

    def test_nested(self):
        found = grad(nested, jit=False)(((2.0, np.array([3.0, 4.0])), 5.0))
        assert found[0][0] == 15.0
        assert np.array_equal(found[0][1], [10.0, 0.0])
        assert found[1] == 6.0

    def test_list(self):
        found = grad(list_total, jit=False)([np.ones(2), np.arange(3.0)])
        assert type(found) is list
        assert np.array_equal(found[0], [2.0, 2.0])
        assert np.array_equal(found[1], [0.0, 2.0, 4.0])

    def test_static_arguments(self):
        g = grad(by_mode, jit=False)
        assert g(2.0, "cube") == 12.0
        assert g(2.0, "other") == 1.0
        assert g(2.0, mode="cube") == 12.0
        g = grad(maybe, jit=False)
        assert g(3.0, None) == 6.0
        assert g(3.0, 2.0) == 2.0

    def test_function_argument(self):
        g = grad(applied, wrt="x", jit=False)
        assert g(math.sin, 0.5) == pytest.approx(math.sin(0.5) + 0.5 * math.cos(0.5), rel=1e-15)
        assert g(lambda v: v * v, 2.0) == 12.0


class TestNumbers:
    def test_numpy_scalars(self):
        g = grad(single, jit=False)
        assert type(g(np.float64(2.0))) is float
        found = g(np.float32(2.0))
        assert type(found) is np.float32
        assert found == 12.0

    def test_integers_of_all_widths(self):
        def f(x, n, flag):
            return x * n if flag else x

        g = grad(f, jit=False)
        for n in (3, np.int8(3), np.int32(3), np.uint8(3), np.int64(3)):
            assert g(2.0, n, True) == 3.0
            assert g(2.0, n, np.False_) == 1.0

    def test_result_of_an_unused_number_is_a_float(self):
        def f(x, y):
            return x

        assert type(grad(f, wrt=1, jit=False)(1.0, 2.0)) is float


def _read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def _unaligned(a):
    raw = np.empty(a.nbytes + 1, np.uint8)[1:]
    out = np.frombuffer(raw, a.dtype)
    out[:] = a
    return out


LAYOUTS = {
    "contiguous": lambda: np.arange(4.0),
    "strided": lambda: np.arange(8.0)[::2],
    "reversed": lambda: np.arange(4.0)[::-1],
    "read-only": lambda: _read_only(np.arange(4.0)),
    "broadcast": lambda: np.broadcast_to(np.array([1.5]), (4,)),
    "swapped bytes": lambda: np.arange(4.0).astype(">f8"),
    "unaligned": lambda: _unaligned(np.arange(4.0)),
    "empty": lambda: np.zeros(0),
    "single": lambda: np.array([2.0]),
}


class TestArrays:
    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_layouts(self, layout):
        x = LAYOUTS[layout]()
        before = x.copy()
        found = grad(cubes, jit=False)(x)
        assert np.array_equal(found, 3.0 * before**2)
        assert np.array_equal(x, before)
        assert found.shape == x.shape
        assert found.dtype == np.float64
        assert found.flags.c_contiguous
        assert found.flags.writeable
        assert not np.shares_memory(found, x)

    def test_layouts_share_one_compilation(self):
        g = grad(cubes)
        for layout in ("contiguous", "strided", "reversed", "read-only", "broadcast"):
            x = LAYOUTS[layout]()
            assert np.array_equal(g(x), 3.0 * x**2)
        assert len({id(p.current[0]) for p in g._plans.values()}) == 1

    def test_fortran_order(self):
        def f(a):
            return a[0, 1] * a[1, 0] * a[1, 2]

        a = np.asfortranarray(np.arange(6.0).reshape(2, 3) + 1.0)
        found = grad(f, jit=False)(a)
        assert np.array_equal(found, [[0.0, 24.0, 0.0], [12.0, 0.0, 8.0]])

    def test_zero_dimensional(self):
        found = grad(zero_d, jit=False)(np.array(3.0))
        assert isinstance(found, np.ndarray)
        assert found.shape == ()
        assert found == 6.0

    def test_float32(self):
        found = grad(cubes, jit=False)(np.ones(2, np.float32))
        assert found.dtype == np.float32

    def test_memmap(self, tmp_path):
        path = tmp_path / "x.bin"
        np.arange(3.0).tofile(path)
        x = np.memmap(path, np.float64, "r")
        assert np.array_equal(grad(cubes, jit=False)(x), [0.0, 3.0, 12.0])

    def test_a_mutated_argument_is_kept(self):
        for x in (np.arange(2.0) + 1.0, _read_only(np.arange(2.0) + 1.0)):
            assert np.array_equal(grad(overwrites, jit=False)(x), [2.0, 8.0])
            assert np.array_equal(x, [1.0, 2.0])

    def test_overlap_is_allowed_where_nothing_is_written(self):
        def f(x, y):
            return x[0] * y[1]

        a = np.array([2.0, 3.0])
        found = grad(f, wrt=(0, 1), jit=False)(a, a)
        assert np.array_equal(found[0], [3.0, 0.0])
        assert np.array_equal(found[1], [0.0, 2.0])

    def test_neighbours_do_not_overlap(self):
        a = np.arange(6.0)
        g = grad(overwrites_from, wrt=1, jit=False)
        assert np.array_equal(g(a[:3], a[3:]), [6.0, 8.0, 10.0])
        assert np.array_equal(g(a[::2], a[1::2]), [2.0, 6.0, 10.0])


class TestValueAndAux:
    def test_value(self):
        value, gradient = value_and_grad(cubes, jit=False)(np.array([1.0, 2.0]))
        assert type(value) is float
        assert value == 9.0
        assert np.array_equal(gradient, [3.0, 12.0])

    def test_value_is_of_the_point_before_mutation(self):
        value, gradient = value_and_grad(overwrites, jit=False)(np.array([1.0, 2.0]))
        assert value == 9.0
        assert np.array_equal(gradient, [2.0, 8.0])

    def test_one_aux(self):
        assert value_and_grad(with_aux, has_aux=True, jit=False)(2.0, 3.0) == ((36.0, 6.0), 36.0)
        assert grad(with_aux, has_aux=True, jit=False)(2.0, 3.0) == (36.0, 6.0)

    def test_two_aux(self):
        found = value_and_grad(with_two_aux, has_aux=True, jit=False)(2.0, 3)
        assert found == ((4.0, (4.0, 4)), 4.0)
        assert type(found[0][1][1]) is int
        assert grad(with_two_aux, has_aux=True, jit=False)(2.0, 3) == (4.0, (4.0, 4))

    def test_an_array_as_aux_is_not_the_argument(self):
        x = np.arange(3.0)
        gradient, aux = grad(array_aux, has_aux=True, jit=False)(x)
        assert np.array_equal(gradient, 2.0 * x)
        assert np.array_equal(aux, x)
        aux[:] = 7.0
        assert np.array_equal(x, np.arange(3.0))


class TestOut:
    def test_array(self):
        x, out = np.arange(3.0), np.full(3, 9.0)
        assert grad(cubes, jit=False)(x, out=out) is out
        assert np.array_equal(out, 3.0 * x**2)

    def test_strided(self):
        whole = np.zeros(6)
        grad(cubes, jit=False)(np.arange(3.0), out=whole[::2])
        assert np.array_equal(whole, [0.0, 0.0, 3.0, 0.0, 12.0, 0.0])

    def test_with_value(self):
        out = np.zeros(2)
        value, gradient = value_and_grad(cubes, jit=False)(np.array([1.0, 2.0]), out=out)
        assert value == 9.0
        assert gradient is out

    def test_tuple_with_a_number(self):
        def f(x, a):
            return x * a[0]

        out = np.zeros(2)
        found = grad(f, wrt=(0, 1), jit=False)(2.0, np.array([3.0, 4.0]), out=(None, out))
        assert found[0] == 3.0
        assert found[1] is out
        assert np.array_equal(out, [2.0, 0.0])

    def test_the_argument_itself(self):
        x = np.arange(3.0)
        grad(cubes, jit=False)(x, out=x)
        assert np.array_equal(x, [0.0, 3.0, 12.0])

    @pytest.mark.parametrize(
        "out", [np.zeros(4), np.zeros((3, 1)), np.zeros(3, np.float32), _read_only(np.zeros(3))]
    )
    def test_refused(self, out):
        with pytest.raises(srcad.ArgumentValueError, match="out"):
            grad(cubes, jit=False)(np.arange(3.0), out=out)

    @pytest.mark.parametrize("out", [[0.0, 0.0, 0.0], (np.zeros(3),), 1.0])
    def test_wrong_kind(self, out):
        with pytest.raises(srcad.ArgumentError, match="out"):
            grad(cubes, jit=False)(np.arange(3.0), out=out)


class TestCaptured:
    def test_a_global_number_is_read_at_each_call(self, monkeypatch):
        g = grad(scaled, jit=False)
        assert g(3.0) == 12.0
        monkeypatch.setitem(globals(), "SCALE", 5.0)
        assert g(3.0) == 30.0

    def test_a_global_may_change_its_type(self, monkeypatch):
        g = grad(scaled, jit=False)
        assert g(3.0) == 12.0
        for value in (4, 5.5, np.float32(2.0), True, 2.0):
            monkeypatch.setitem(globals(), "SCALE", value)
            assert g(3.0) == 6.0 * value

    def test_a_global_array(self, monkeypatch):
        g = grad(weighted, jit=False)
        x = np.ones(3)
        assert np.array_equal(g(x), [2.0, 4.0, 6.0])
        monkeypatch.setitem(globals(), "WEIGHTS", np.array([1.0, 1.0, 2.0]))
        assert np.array_equal(g(x), [2.0, 2.0, 4.0])
        WEIGHTS[0] = 5.0
        assert np.array_equal(g(x), [10.0, 2.0, 4.0])

    def test_a_closure(self):
        k = 2.0

        def f(x):
            return k * x * x

        g = grad(f, jit=False)
        assert g(3.0) == 12.0
        k = 4.0
        assert g(3.0) == 24.0

    def test_a_changed_callee(self):
        def helper(x):
            return x * x

        def f(x):
            return helper(x) * 2.0

        g = grad(f, jit=False)
        assert g(3.0) == 12.0
        square = helper

        def helper(x):
            return x * x * x

        assert g(3.0) == 54.0
        helper = square
        assert g(3.0) == 12.0

    def test_compiled_too(self, monkeypatch):
        g = grad(scaled)
        assert g(3.0) == 12.0
        monkeypatch.setitem(globals(), "SCALE", 5.0)
        assert g(3.0) == 30.0


class TestSource:
    def test_source(self):
        g = grad(energy)
        text = g.source(3.0, 2.0)
        assert "def energy_grad(x, k):" in text
        compile(text, "<generated>", "exec")
        assert g.source(3.0, k=2.0) == text
        assert g.source() == text

    def test_source_needs_arguments_before_the_first_call(self):
        with pytest.raises(TypeError, match="x"):
            grad(energy).source()

    def test_show(self, capsys):
        grad(energy).show(3.0, 2.0)
        assert "energy_grad" in capsys.readouterr().out

    def test_compile_does_not_run(self):
        calls = grad(_raises_when_run)
        assert calls.compile(-1.0) is calls
        with pytest.raises(ValueError, match="negative"):
            calls(-1.0)
        assert calls(2.0) == 4.0

    def test_eject(self, tmp_path):
        path = tmp_path / "ejected.py"
        grad(cubes).eject(path, np.ones(3))
        text = path.read_text()
        assert "srcad" not in [
            word for line in text.splitlines() if "import" in line for word in line.split()
        ]
        scope: dict = {"__name__": "ejected"}
        exec(compile(text, str(path), "exec"), scope)
        assert np.array_equal(scope["cubes_grad"](np.arange(3.0)), [0.0, 3.0, 12.0])

    def test_an_ejected_module_runs_without_srcad(self, tmp_path):
        path = tmp_path / "ejected.py"
        assert grad(recurrence).eject(path, np.ones(3), 5) == path
        expected = grad(recurrence)(np.linspace(0.1, 0.9, 4), 6)
        code = (
            "import sys; sys.modules['srcad'] = None\n"
            "import numpy as np, ejected\n"
            "print(ejected.recurrence_grad(np.linspace(0.1, 0.9, 4), 6).tolist())"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
        )
        assert done.stdout.strip() == str(expected.tolist())

    def test_an_ejected_module_takes_captured_values_last(self, tmp_path):
        path = grad(scaled, jit=False).eject(tmp_path / "ejected.py", 3.0)
        scope: dict = {"__name__": "ejected"}
        exec(compile(path.read_text(), str(path), "exec"), scope)
        assert scope["scaled_grad"](3.0, 10.0) == 60.0


def recurrence(x, n):
    s = 0.3
    for k in range(n):
        s = math.sin(s * x[k % x.size]) + x[k % x.size] * s
    return s


def _raises_when_run(x):
    if x < 0.0:
        raise ValueError("negative")
    return x * x


def test_an_exception_leaves_nothing_behind():
    g = grad(_raises_when_run, jit=False)
    for _ in range(2):
        with pytest.raises(ValueError, match="negative"):
            g(-1.0)
        assert g(2.0) == 4.0


def test_importing_is_cheap():
    code = (
        "import srcad, sys; "
        "print([m for m in ('numba', 'scipy', 'rich', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
