"""``np.einsum``: subscripts of all kinds, dtypes, views, and its errors."""

import importlib.util

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.rules.multilinear import check, made

SIZES = dict(zip("abcdijklmnz", (2, 3, 4, 2, 2, 3, 4, 2, 3, 2, 1), strict=True))


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
""".split()  # noqa: SIM905 (a table)
ELLIPSES = [
    "...->...",
    "...i->...",
    "...i,...i->...",
    "...ij,...jk->...ik",
    "i...->...i",
    "...",
    "i...j",
    "...ij,jk->...ik",
    "...,...",
    "...i,i",
    "...ij,...j",
]

_SOURCE = "import numpy as np\n" + "\n".join(
    f"def f{n}({', '.join('xyzw'[: len(text.split('->')[0].split(','))])}):\n"
    f"    return np.einsum({text!r}, {', '.join('xyzw'[: len(text.split('->')[0].split(','))])})\n"
    for n, text in enumerate(SUBSCRIPTS + ELLIPSES)
)


@pytest.fixture(scope="module", autouse=True)
def written(tmp_path_factory):
    """One module with a function for each set of subscripts: srcad reads source files."""
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
@pytest.mark.parametrize(
    "text",
    [
        "ij,jk->ik",
        "bij,bjk->bik",
        "bij,bi->bj",
        "ijkl,jl->ik",
        "i,j->ji",
        "ij,ij->",
        "ijk,jl->ikl",
        "ii,i->",
        "ij,jk->k",
    ],
)
def test_einsum_of_other_dtypes(text, dtypes):
    function, args = subscripted(text, dtypes)
    single = any(np.dtype(d) in (np.float32, np.complex64) for d in dtypes)
    check(function, *args, rtol=2e-5 if single else 1e-12)


def of_views(x, y):
    one = np.einsum("ijk,kl->ijl", x[1:], y)
    two = np.einsum("ijk,kl->jil", x, y[:, ::-1])
    return np.sum(one * two[:, 1:].transpose(1, 0, 2)) + np.sum(np.einsum("ij,j", x[0], y[1]))


def of_short_axes(x, y):
    column = np.einsum("ij,jk->ik", x[:, None], y)
    row = np.einsum("ij,jk->ik", y, x[:3, None])
    return np.sum(column**2) + np.sum(row * np.einsum("ij,ij->ij", y, y[:, :1])[:, :1])


def of_expressions(x, y):
    z = np.einsum("ij,jk->ik", x + 1.0, np.sin(y))
    return np.sum(np.einsum("ij,j,ij->i", z * z, y[0] * 2.0, z))


@pytest.mark.parametrize(
    ("function", "one", "two"),
    [
        (of_views, (3, 2, 4), (4, 4)),
        (of_short_axes, (4,), (3, 3)),
        (of_expressions, (2, 3), (3, 3)),
    ],
)
def test_operands_that_are_no_arrays_of_their_own(function, one, two):
    rng = np.random.default_rng(3)
    args = made(rng, one), made(rng, two)
    value, found = srcad.value_and_grad(function, wrt=(0, 1), jit=False)(*args)
    assert value == pytest.approx(function(*args), rel=1e-12)
    for k in (0, 1):
        expected = oracles.ORACLES["complex"](function, args, k, {})
        assert oracles.mismatch(found[k], expected, 1e-10) is None


def numbers(x, y):
    return np.einsum(",i->i", x, y), np.einsum("i,,->", y, x, 2.0)


def test_numbers_as_operands():
    y = np.array([1.0, -2.0, 0.5])
    value, pull = srcad.vjp(numbers, 1.5, y, jit=False)
    np.testing.assert_allclose(value[0], 1.5 * y)
    assert value[1] == pytest.approx(3.0 * np.sum(y))
    x_b, y_b = pull((np.ones(3), 1.0))
    assert x_b == pytest.approx(3.0 * np.sum(y))
    np.testing.assert_allclose(y_b, np.full(3, 4.5))
