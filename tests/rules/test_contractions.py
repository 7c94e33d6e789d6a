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
