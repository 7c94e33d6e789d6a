"""Products and contractions: values as NumPy's, and gradients of what is linear in each argument.

The derivative of a multilinear function by an element of an argument is the function with that
argument replaced by a unit: no step, no other system.
"""

import numpy as np
import pytest

import srcad
from tests import oracles

SIZES = dict(zip("abcdijklmnz", (2, 3, 4, 2, 2, 3, 4, 2, 3, 2, 1), strict=True))


def made(rng, shape, dtype=float):
    x = rng.standard_normal(shape)
    if np.issubdtype(dtype, np.complexfloating):
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype) if np.ndim(x) else dtype(x)


def unit_gradient(function, args, k, seed):
    """The pullback of a function that is linear in argument k, by the Hermitian convention."""
    like = np.asarray(args[k])
    out = np.zeros(like.shape, np.result_type(like, float))
    for at in np.ndindex(like.shape):
        unit = np.zeros(like.shape, like.dtype)
        unit[at] = 1
        value = function(*args[:k], unit[()], *args[k + 1 :])
        total = np.sum(np.asarray(value).conj() * seed)
        out[at] = total if np.iscomplexobj(like) else total.real
    return out


def check(function, *args, jit=False, rtol=1e-12, conjugated=()):
    """Value, dtype, shape, and the pullback for every argument of floats."""
    rng = np.random.default_rng(5)
    value, pull = srcad.vjp(function, *args, jit=jit)
    expected = function(*args)
    assert np.shape(value) == np.shape(expected)
    assert np.asarray(value).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(value, expected, rtol=rtol, atol=rtol)
    seed = made(rng, np.shape(expected), np.asarray(expected).dtype.type)
    found = pull(seed)
    for k, arg in enumerate(args):
        if not np.issubdtype(np.asarray(arg).dtype, np.inexact):
            assert found[k] is None
            continue
        if k in conjugated:
            continue
        wanted = unit_gradient(function, args, k, seed)
        assert np.asarray(found[k]).dtype == np.asarray(arg).dtype
        np.testing.assert_allclose(found[k], wanted, rtol=rtol, atol=rtol, err_msg=f"argument {k}")


def subscripted(text, dtypes=None, seed=1):
    """The function of ``np.einsum`` with these subscripts, and arguments for it."""
    rng = np.random.default_rng(seed)
    parts = text.split("->")[0].replace(" ", "").split(",")
    shapes = [
        [n for x in part.replace("...", ".") for n in ((3, 2) if x == "." else (SIZES[x],))]
        for part in parts
    ]
    dtypes = dtypes or [float] * len(parts)
    args = tuple(made(rng, tuple(s), d) for s, d in zip(shapes, dtypes, strict=True))
    return FUNCTIONS[text], args


SUBSCRIPTS = """
i-> ij-> ij->i ij->j ij->ji ijk->ki ijk->kij ii ii-> iij->j iji->j iijj-> ijij->ij ij
ij,jk->ik ij,jk->ki ij,jk ji,jk->ik ij,kj->ik ji,kj->ik ji,kj->ki ij,jk-> ij,j->i ij,i->j j,ij->i i,i
i,i-> i,i->i i,j->ij i,j->ji i,j-> ij,ij-> ij,ji-> ij,ij->i ij,ij->j ij,ij->ij ij,k->ikj
bij,bjk->bik bij,bkj->bik bji,bjk->bki ibj,bjk->ibk bij,bj->bi bij,bi->bj b,bij->ij bi,bj->bij
abij,abjk->abik abij,abkj->abik aibj,bjak->aikb ijk,kl->ijl ijk,jl->ikl ijkl,jl->ik ijkl,kl->ij
ijkl,ij->kl ijkl,lk->ij ijk,jki->i ijk,kj->i ijab,abcd->ijcd ijab,badc->ijcd ijk,ljk->il
ijk,ilj->kl ij,jk,kl->il ij,jk,k->i i,ij,j-> i,ij,j i,i,i-> i,i,j->j i,j,k->ijk ni,ijk,nk->nj
ij,kj,lj->ikl ij,jk,kl,lm->im i,ij,jk,k-> ij,jk->i ij,jk->k ij,kl-> ijk,l-> ij,kl->ik ij,j-> ii,ij->j
ii,i-> ii,ii-> aij,ajk->ki zj,jk->zk iz,zk->ik
""".split()
ELLIPSES = ["...->...", "...i->...", "...i,...i->...", "...ij,...jk->...ik", "i...->...i", "...", "i...j",
            "...ij,jk->...ik", "...,...", "...i,i", "...ij,...j"]

_SOURCE = "import numpy as np\n" + "\n".join(
    f"def f{n}({', '.join('xyzw'[: len(text.split('->')[0].split(','))])}):\n"
    f"    return np.einsum({text!r}, {', '.join('xyzw'[: len(text.split('->')[0].split(','))])})\n"
    for n, text in enumerate(SUBSCRIPTS + ELLIPSES)
)


@pytest.fixture(scope="module", autouse=True)
def written(tmp_path_factory):
    """One module with a function for each set of subscripts: srcad reads source files."""
    import importlib.util

    path = tmp_path_factory.mktemp("einsum") / "written_subscripts.py"
    path.write_text(_SOURCE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("written_subscripts", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for n, text in enumerate(SUBSCRIPTS + ELLIPSES):
        FUNCTIONS[text] = getattr(module, f"f{n}")


FUNCTIONS: dict = {}


@pytest.mark.parametrize("text", SUBSCRIPTS + ELLIPSES)
def test_einsum(text):
    function, args = subscripted(text)
    check(function, *args)


DTYPES = [
    (np.complex128, np.complex128),
    (np.complex128, float),
    (float, np.complex128),
    (np.float32, np.float32),
    (np.float32, float),
    (np.complex64, np.complex64),
    (int, float),
    (np.float32, int),
]


@pytest.mark.parametrize("dtypes", DTYPES)
@pytest.mark.parametrize("text", ["ij,jk->ik", "bij,bjk->bik", "bij,bi->bj", "ijkl,jl->ik", "i,j->ji",
                                  "ij,ij->", "ijk,jl->ikl", "ii,i->", "ij,jk->k"])
def test_einsum_of_other_dtypes(text, dtypes):
    function, args = subscripted(text, dtypes)
    single = any(np.dtype(d) in (np.float32, np.complex64) for d in dtypes)
    check(function, *args, rtol=2e-5 if single else 1e-12)


def dot(x, y):
    return np.dot(x, y)


def dot_method(x, y):
    return x.dot(y)


def at(x, y):
    return x @ y


def matmul(x, y):
    return np.matmul(x, y)


def inner(x, y):
    return np.inner(x, y)


def outer(x, y):
    return np.outer(x, y)


def linalg_outer(x, y):
    return np.linalg.outer(x, y)


def kron(x, y):
    return np.kron(x, y)


def vdot(x, y):
    return np.vdot(x, y)


def vecdot(x, y):
    return np.vecdot(x, y)


def vecdot_first(x, y):
    return np.vecdot(x, y, axis=0)


def linalg_vecdot(x, y):
    return np.linalg.vecdot(x, y, axis=0)


def matvec(x, y):
    return np.matvec(x, y)


def vecmat(x, y):
    return np.vecmat(x, y)


def tensordot(x, y):
    return np.tensordot(x, y)


def tensordot_0(x, y):
    return np.tensordot(x, y, axes=0)


def tensordot_1(x, y):
    return np.tensordot(x, y, 1)


def tensordot_pair(x, y):
    return np.tensordot(x, y, (0, 1))


def tensordot_lists(x, y):
    return np.tensordot(x, y, axes=[[1, 0], [0, 1]])


def tensordot_negative(x, y):
    return np.linalg.tensordot(x, y, axes=((-1,), (0,)))


RANKS = [
    (dot, (), ()), (dot, (), (2, 3)), (dot, (2, 3), ()), (dot, (3,), (3,)), (dot, (2, 3), (3,)),
    (dot, (3,), (3, 2)), (dot, (2, 3), (3, 4)), (dot, (2, 4, 3), (3,)), (dot, (3,), (2, 3, 4)),
    (dot, (2, 4, 3), (3, 2)), (dot, (2, 3), (2, 3, 4)), (dot, (2, 2, 3), (2, 3, 4)),
    (dot_method, (2, 4, 3), (3, 2)), (dot_method, (3,), (3,)),
    (at, (3,), (3,)), (at, (2, 3), (3,)), (at, (3,), (3, 2)), (at, (2, 3), (3, 4)),
    (at, (2, 4, 3), (3,)), (at, (3,), (2, 3, 4)), (at, (2, 4, 3), (3, 2)), (at, (4, 3), (2, 3, 5)),
    (at, (2, 4, 3), (2, 3, 5)), (matmul, (2, 2, 4, 3), (2, 3, 5)), (matmul, (2, 4, 3), (5, 2, 3, 2)),
    (matmul, (2, 2, 4, 3), (2, 2, 3, 5)),
    (inner, (), (3,)), (inner, (3,), (3,)), (inner, (2, 3), (3,)), (inner, (2, 3), (4, 3)),
    (inner, (2, 2, 3), (4, 3)),
    (outer, (2,), (3,)), (outer, (2, 2), (3,)), (outer, (), (3,)), (outer, (2,), ()),
    (outer, (2, 2), (2, 1, 2)), (linalg_outer, (2,), (3,)),
    (kron, (), (2,)), (kron, (2,), (3,)), (kron, (2, 3), (2, 2)), (kron, (2,), (2, 3)),
    (kron, (2, 3), (2,)), (kron, (2, 1, 2), (2, 2)), (kron, (2, 2, 2), (2, 1, 3)),
    (vdot, (3,), (3,)), (vdot, (2, 3), (3, 2)), (vdot, (2, 3), (6,)), (vdot, (), ()),
    (vecdot, (3,), (3,)), (vecdot, (2, 3), (3,)), (vecdot, (2, 3), (2, 3)), (vecdot_first, (3, 2), (3, 2)),
    (linalg_vecdot, (3, 2), (3, 2)), (matvec, (2, 3), (3,)), (matvec, (4, 2, 3), (3,)),
    (matvec, (2, 3), (4, 3)), (matvec, (4, 2, 3), (4, 3)), (vecmat, (3,), (3, 2)),
    (vecmat, (4, 3), (4, 3, 2)), (vecmat, (4, 3), (3, 2)),
    (tensordot, (2, 3, 4), (3, 4, 2)), (tensordot, (2, 3), (2, 3)), (tensordot_0, (2, 3), (2,)),
    (tensordot_1, (2, 3, 4), (4, 3)), (tensordot_pair, (3, 2), (2, 3)),
    (tensordot_lists, (2, 3, 4), (3, 2, 2)), (tensordot_negative, (2, 3), (3, 2)),
]


@pytest.mark.parametrize(("function", "one", "two"), RANKS)
def test_products_of_all_ranks(function, one, two):
    rng = np.random.default_rng(2)
    check(function, made(rng, one), made(rng, two))


CONJUGATED = (vdot, vecdot, vecdot_first, linalg_vecdot, vecmat)


@pytest.mark.parametrize("dtypes", [(complex, complex), (float, complex), (complex, float),
                                    (np.float32, np.float32), (float, int)])
@pytest.mark.parametrize(("function", "one", "two"), RANKS[9::4])
def test_products_of_other_dtypes(function, one, two, dtypes):
    rng = np.random.default_rng(2)
    args = made(rng, one, dtypes[0]), made(rng, two, dtypes[1])
    given = (0,) if function in CONJUGATED and complex in dtypes[:1] else ()
    check(function, *args, rtol=2e-5 if np.float32 in dtypes else 1e-12, conjugated=given)


@pytest.mark.parametrize("function", [vdot, vecdot])
def test_the_conjugated_argument(function):
    rng = np.random.default_rng(2)
    x, y = made(rng, (3,), complex), made(rng, (3,), complex)
    for which in (0, 1):
        found = srcad.vjp(function, x, y, jit=False)[1](1.5 - 0.5j)[which]
        seed = 1.5 - 0.5j
        expected = y * np.conj(seed) if which == 0 else x * seed
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def trace(x):
    return np.trace(x)


def trace_offset(x):
    return x.trace(offset=-1) + np.trace(x, 1) * 2.0 + np.trace(x, offset=7)


def trace_axes(x):
    return np.trace(x, axis1=0, axis2=2)


def trace_run_time(x, k):
    return np.trace(x, k) + np.trace(x, -k)


def linalg_trace(x):
    return np.linalg.trace(x, offset=1)


@pytest.mark.parametrize(
    ("function", "shape"),
    [(trace, (3, 3)), (trace, (2, 4)), (trace, (3, 2, 4)), (trace_offset, (4, 3)),
     (trace_axes, (2, 3, 4)), (linalg_trace, (2, 3, 4))],
)
def test_trace(function, shape):
    check(function, made(np.random.default_rng(1), shape))


@pytest.mark.parametrize("k", [0, 1, -2, 5])
def test_trace_with_an_offset_of_run_time(k):
    check(trace_run_time, made(np.random.default_rng(1), (3, 4)), k)


def multi_2(x, y):
    return np.linalg.multi_dot([x, y])


def multi_3(x, y, z):
    return np.linalg.multi_dot((x, y, z))


def multi_4(x, y, z, w):
    return np.linalg.multi_dot([x, y, z, w])


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (multi_2, [(2, 3), (3, 4)]),
        (multi_2, [(3,), (3,)]),
        (multi_3, [(2, 3), (3, 4), (4, 2)]),
        (multi_3, [(4, 2), (2, 4), (4, 5)]),
        (multi_3, [(3,), (3, 4), (4, 2)]),
        (multi_3, [(2, 3), (3, 4), (4,)]),
        (multi_4, [(2, 3), (3, 4), (4, 2), (2, 3)]),
        (multi_4, [(2,), (2, 4), (4, 2), (2,)]),
    ],
)
def test_multi_dot(function, shapes):
    rng = np.random.default_rng(4)
    check(function, *(made(rng, s) for s in shapes))


def power(x, w):
    return np.sum(w * np.linalg.matrix_power(x, 5)) + np.sum(w * np.linalg.matrix_power(x, 2))


def small_powers(x, w):
    return np.sum(w * (np.linalg.matrix_power(x, 0) + 2.0 * np.linalg.matrix_power(x, 1)))


def inverse_power(x, w):
    return np.sum(w * np.linalg.matrix_power(x, -3))


def run_time_power(x, w, n):
    return np.sum(w * np.linalg.matrix_power(x, n))


@pytest.mark.parametrize(
    ("function", "more"),
    [(power, ()), (small_powers, ()), (inverse_power, ())]
    + [(run_time_power, (n,)) for n in (0, 1, 2, 6, 7, -2)],
)
def test_matrix_power(function, more):
    rng = np.random.default_rng(4)
    args = made(rng, (3, 3)) + 2.0 * np.eye(3), made(rng, (3, 3)), *more
    value, found = srcad.value_and_grad(function, jit=False)(*args)
    np.testing.assert_allclose(value, function(*args), rtol=1e-12)
    expected = oracles.ORACLES["differences"](function, args, 0, {})
    assert oracles.mismatch(found, expected, 1e-8) is None


A, B, V, T = np.ones((2, 3)), np.ones((3, 4)), np.ones(3), np.ones((2, 3, 4))


def refused(function, *args, error=ValueError, match=""):
    """Where it is run, NumPy raises as well (unless srcad alone refuses)."""
    with pytest.raises(error, match=match) as found:
        srcad.vjp(function, *args, jit=False)
    return str(found.value)


WRONG = [
    (lambda a: np.einsum("ij,jk->ik", a), (A,), "fewer operands provided"),
    (lambda a, b: np.einsum("ij->ij", a, b), (A, B), "more operands provided"),
    (lambda a: np.einsum("ijk->ij", a), (A,), "too many subscripts for operand 0"),
    (lambda a: np.einsum("i->i", a), (A,), "more dimensions than subscripts"),
    (lambda a: np.einsum("ij->k", a), (A,), "which never appeared in an input"),
    (lambda a: np.einsum("ij->ii", a), (A,), "multiple times"),
    (lambda a: np.einsum("i$->i", a), (A,), "subscripts must be letters"),
    (lambda a: np.einsum("i...->i", a), (A,), "'...'"),
    (lambda a: np.einsum("...i...->i", a), (A,), "more than one '...'"),
    (lambda a: np.einsum("ii->i", a), (A,), "collapsing index 'i' don't match"),
    (lambda a, b: np.einsum("ij,ij->ij", a, b), (A, B), "could not be broadcast"),
    (lambda a, b: np.einsum("ij,kj->ik", a, b), (A, B), "could not be broadcast"),
    (lambda a, b: np.dot(a, b), (A, A), "not aligned"),
    (lambda a, b: np.dot(a, b), (T, A), "not aligned"),
    (lambda a, b: np.inner(a, b), (A, B), "not aligned"),
    (lambda a, b: np.matmul(a, b), (T, A), "mismatch in their core dimension"),
    (lambda a, b: np.matmul(a, b), (np.ones((2, 3, 4)), np.ones((3, 4, 2))), "mismatch"),
    (lambda a: np.matmul(a, 2.0), (A,), "does not have enough dimensions"),
    (lambda a, b: np.tensordot(a, b), (A, B), "shape-mismatch for sum"),
    (lambda a, b: np.tensordot(a, b, ((0, 1), (0,))), (A, B), "shape-mismatch for sum"),
    (lambda a, b: np.linalg.outer(a, b), (A, V), "must be one-dimensional"),
    (lambda a, b: np.vecdot(a, b), (A, B), "mismatch"),
    (lambda a, b: np.matvec(a, b), (V, V), "axes"),
    (lambda a: np.trace(a), (V,), "two are needed"),
    (lambda a: np.trace(a, axis1=1, axis2=1), (T,), "cannot be the same"),
    (lambda a: np.linalg.matrix_power(a, 2), (A,), "square"),
    (lambda a: np.linalg.multi_dot([a]), (A,), "at least two"),
    (lambda a, b: np.vdot(a, b), (A, B), "not aligned"),
]


@pytest.mark.parametrize(("function", "args", "match"), WRONG)
def test_wrong_shapes_and_subscripts(function, args, match):
    with pytest.raises(ValueError):
        function(*args)
    assert "test_contractions.py" in refused(function, *args, match=match) or match in (
        "square",
        "at least two",
    )


@pytest.mark.parametrize(
    ("function", "args", "match"),
    [
        (lambda a, b: np.einsum(a, [0, 1], b, [1, 2]), (A, B), "string"),
        (lambda a, b: np.einsum("ij,jk", a, b, optimize=["einsum_path", (0, 1)]), (A, B), "optimize"),
        (lambda a: np.einsum("ij->i", a, dtype=np.float32), (A,), "dtype"),
        (lambda a: np.einsum("ij->i", a > 0.0), (A,), "bools"),
        (lambda a: a @ 2.0, (A,), "two arrays"),
    ],
)
def test_what_is_refused(function, args, match):
    shown = refused(function, *args, error=srcad.UnsupportedError, match=match)
    assert "^" in shown


def strategies(a, b):
    one = np.einsum("ij,jk->ik", a, b, optimize=True)
    two = np.einsum("ij,jk->ik", a, b, optimize="greedy")
    return np.sum(one * two) + np.sum(np.einsum("ij,jk->ik", a, b, optimize=False))


def test_optimize_is_accepted():
    rng = np.random.default_rng(0)
    a, b = made(rng, (2, 3)), made(rng, (3, 4))
    value, found = srcad.value_and_grad(strategies, jit=False)(a, b)
    assert value == pytest.approx(strategies(a, b), rel=1e-13)
    expected = oracles.ORACLES["differences"](strategies, (a, b), 0, {})
    assert oracles.mismatch(found, expected, 1e-8) is None


def written_diagonal(a):
    d = np.einsum("ii->i", a)
    d[0] = 2.0
    return np.sum(a * a) + np.sum(d)


def turned_view(a):
    c = a * 1.0
    t = np.einsum("ij->ji", c)
    t[0] *= 2.0
    return np.sum(c * c)


def test_views():
    a = made(np.random.default_rng(0), (3, 3))
    with pytest.raises((srcad.UnsupportedError, ValueError)):
        srcad.grad(written_diagonal, jit=False)(a.copy())
    factor = np.ones((3, 3))
    factor[:, 0] = 4.0
    found = srcad.grad(turned_view, jit=False)(a)
    np.testing.assert_allclose(found, 2.0 * factor * a, rtol=1e-13)


def layers(w, x):
    for k in range(w.shape[0]):
        x = np.tanh(np.einsum("ij,bj->bi", w[k], x))
    return np.sum(x * x)


def sweeps(a, x):
    total = 0.0
    for k in range(3):
        for m in range(2):
            y = np.einsum("ijk,kl->ijl", a, x) * (k + 1.0)
            x = x + 0.1 * np.einsum("ijk,ijl->kl", a, y)
            total += np.sum(np.einsum("ijl,ijl->i", y, y) ** 2) * (m + 1.0)
    return total + np.sum(x)


def moving(a, x):
    for k in range(3):
        x = np.sin(np.matvec(a, x)) + np.matmul(x[:, None, :], a)[:, 0]
        a = a * 0.5 + np.einsum("bi,bj->bij", x, x)
    return np.sum(x * x)


LOOPS = [(layers, (3, 2, 2), (4, 2)), (sweeps, (2, 2, 3), (3, 3)), (moving, (2, 3, 3), (2, 3))]


@pytest.mark.parametrize(("function", "one", "two"), LOOPS)
def test_contractions_in_loops(function, one, two):
    rng = np.random.default_rng(6)
    args = 0.5 * made(rng, one), made(rng, two)
    value, found = srcad.value_and_grad(function, wrt=(0, 1), jit=False)(*args)
    assert value == pytest.approx(function(*args), rel=1e-12)
    for k in (0, 1):
        expected = oracles.ORACLES["complex"](function, args, k, {})
        assert oracles.mismatch(found[k], expected, 1e-10) is None


def many(a, b, x, w):
    """Most forms in one program: a compilation takes seconds."""
    c = np.einsum("bij,bjk->bik", a, b)
    d = np.einsum("ijk,kl->ijl", c, w)
    e = np.einsum("bij,kj->bki", d, w)
    s = np.sum(e * np.einsum("bij,b->bji", d, x)) + np.einsum("bii,i->", e, x)
    s += np.sum(np.matmul(a, w) ** 2) + np.sum(np.dot(w, b)) + np.vdot(a, b)
    s += np.sum(np.matvec(a, x)) + np.tensordot(a, b, ((0, 2, 1), (0, 1, 2)))
    return s + np.sum(np.kron(w, w)) + np.sum(np.vecmat(x, a) ** 2) + np.trace(w, 1)


def conjugated(z, y):
    c = np.einsum("bij,bkj->bik", z, y) + np.einsum("bij,bjk->bik", y, z)
    return np.sum(np.abs(c) ** 2) + np.vdot(z, y).real


def powers(a, n):
    p = np.linalg.multi_dot([np.linalg.matrix_power(a, 3), a, np.linalg.matrix_power(a, n)])
    return np.sum(p)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "shapes", "dtype", "more"),
    [
        (many, [(3, 3, 3), (3, 3, 3), (3,), (3, 3)], float, ()),
        (conjugated, [(2, 3, 3), (2, 3, 3)], complex, ()),
        (powers, [(2, 2)], float, (3,)),
        (layers, [(3, 2, 2), (4, 2)], float, ()),
        (sweeps, [(2, 2, 3), (3, 3)], float, ()),
    ],
)
@pytest.mark.filterwarnings("error")
def test_compiled(function, shapes, dtype, more):
    rng = np.random.default_rng(8)
    args = *(0.5 * made(rng, s, dtype) for s in shapes), *more
    wrt = tuple(range(len(shapes)))
    value, found = srcad.value_and_grad(function, wrt=wrt)(*args)
    assert value == pytest.approx(function(*args), rel=1e-12)
    _, expected = srcad.value_and_grad(function, wrt=wrt, jit=False)(*args)
    for k in wrt:
        np.testing.assert_allclose(found[k], expected[k], rtol=1e-12, atol=1e-12)
        if dtype is float:
            other = oracles.ORACLES["differences"](function, args, k, {})
            assert oracles.mismatch(found[k], other, 1e-7) is None


def test_conjugated_products_by_differences():
    rng = np.random.default_rng(8)
    z, y = made(rng, (2, 3, 3), complex), made(rng, (2, 3, 3), complex)
    found = srcad.grad(conjugated, wrt=(0, 1), jit=False)(z, y)
    step = made(rng, (2, 3, 3), complex)
    for k, h in enumerate(found):
        ends = [conjugated(*(v + t * step if n == k else v for n, v in enumerate((z, y)))) for t in (1e-5, -1e-5)]
        slope = (ends[0] - ends[1]) / 2e-5
        assert np.sum(h.conj() * step).real == pytest.approx(slope, rel=1e-8)
