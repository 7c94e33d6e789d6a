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
