"""Random numbers drawn inside: NumPy's stream, the same in both sweeps, derivatives through them."""

import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import srcad

ROWS = [
    "np.random.random_sample() + np.random.random() + np.random.ranf() + np.random.sample()",
    "np.sum(np.random.random_sample(3) + np.random.random((2, 3)))",
    "np.sum(np.random.rand(2, 3) * np.arange(3.0)) + np.random.rand()",
    "np.sum(np.random.randn(2, 3) * np.arange(3.0)) + np.random.randn()",
    "np.random.normal(x, 2.0) + np.random.standard_normal()",
    "np.sum(np.random.normal(x, x * x, 4) * np.arange(4.0))",
    "np.sum(np.random.normal(np.array([x, 2 * x]), 1.0) * np.array([1.0, 3.0]))",
    "np.random.uniform(x, 2 * x) + np.sum(np.random.uniform(0.0, x, (2, 3)))",
    "np.random.exponential(x) + np.random.standard_exponential() * x",
    "np.random.lognormal(x, x)",
    "np.random.gumbel(x, x)",
    "np.random.laplace(x, x)",
    "np.random.logistic(x, x)",
    "np.random.rayleigh(x)",
    "np.random.weibull(x)",
    "np.random.power(x)",
    "np.random.pareto(x)",
    "np.random.standard_cauchy() * x + np.sum(np.random.standard_cauchy(3))",
    "np.random.randint(5) * x + np.sum(np.random.randint(1, 5, 4) * x)",
    "np.random.poisson(3.0) * x + np.sum(np.random.poisson(3.0, 4) * x)",
    "np.random.binomial(9, 0.3) * x + np.sum(np.random.binomial(9, 0.3, 2)) * x",
    "np.sum(np.random.permutation(5) * np.arange(5.0)) * x",
    "np.random.choice(np.arange(4.0)) * x + np.sum(np.random.choice(5, 3)) * x",
]

ROW = """
def row_{k}(x):
    s = 0.0
    for i in range(3):
        s = s * x + {text}
    return s
"""


@pytest.fixture(scope="module")
def module():
    folder = Path(tempfile.mkdtemp(prefix="srcad_random_"))
    path = folder / f"random_{folder.name[-8:]}.py"
    rows = "".join(ROW.format(k=k, text=text) for k, text in enumerate(ROWS))
    path.write_text("import numpy as np\n" + rows)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = found
    spec.loader.exec_module(found)
    return found


def seeded(f, x, seed=7):
    """The value, and the next number of the stream."""
    np.random.seed(seed)
    return f(x), np.random.random_sample()


def check(f, jit):
    x, h = 1.3, 1e-6
    (value, found), after = seeded(srcad.value_and_grad(f, jit=jit), x)
    expected, next_number = seeded(f, x)
    assert value == pytest.approx(expected, rel=1e-13)
    assert after == next_number
    slope = (seeded(f, x + h)[0] - seeded(f, x - h)[0]) / (2 * h)
    assert found == pytest.approx(slope, rel=1e-6, abs=1e-6)
    (_, pullback), _ = seeded(lambda x: srcad.vjp(f, x, jit=jit), x)
    np.random.random_sample(5)
    state = np.random.get_state()[1].copy()
    assert pullback(1.0)[0] == found == pullback(1.0)[0]
    assert np.array_equal(state, np.random.get_state()[1])


@pytest.mark.parametrize("k", range(len(ROWS)), ids=ROWS)
def test_row(module, k):
    check(getattr(module, f"row_{k}"), jit=False)


@pytest.mark.parametrize(
    "k",
    [k if k in (4, 7) else pytest.param(k, marks=pytest.mark.slow) for k in range(len(ROWS))],
)
def test_row_compiled(module, k):
    check(getattr(module, f"row_{k}"), jit=True)


def walk(x, n):
    """A path whose length depends on the draws: reparameterised steps, and a seed inside."""
    s = 0.0
    while s < 1.0:
        s += np.random.exponential(x)
    np.random.seed(n)
    noise = np.random.normal(0.0, 1.0, n)
    return s + np.sum(x * noise**2)


@pytest.mark.parametrize("jit", [False, True])
def test_draws_steer_the_program(jit):
    (value, found), after = _walk(jit)
    (expected, slope), next_number = _plain_walk()
    assert value == pytest.approx(expected, rel=1e-13)
    assert found == pytest.approx(slope, rel=1e-6)
    assert after == next_number


def _walk(jit):
    np.random.seed(3)
    return srcad.value_and_grad(walk, jit=jit)(0.2, 4), np.random.random_sample()


def _plain_walk():
    def at(x):
        np.random.seed(3)
        return walk(x, 4)

    slope = (at(0.2 + 1e-7) - at(0.2 - 1e-7)) / 2e-7
    return (at(0.2), slope), np.random.random_sample()


def test_numbas_own_stream_is_left_alone():
    import numba

    @numba.njit
    def draw():
        return np.random.random_sample()

    @numba.njit
    def seed():
        np.random.seed(11)

    seed()
    expected = draw(), draw()
    seed()
    first = draw()
    srcad.grad(walk)(0.2, 4)
    assert (first, draw()) == expected


def test_what_has_no_stream_of_numpy_is_refused():
    def f(x):
        return x * np.random.gamma(2.0)

    with pytest.raises(srcad.UnsupportedError, match=r"gamma"):
        srcad.grad(f, jit=False)(1.0)
