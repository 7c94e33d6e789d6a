"""The zoo: every program's gradient, compiled and not, against its oracle; and oracle against oracle."""

import inspect

import numpy as np
import pytest

from srcad.errors import UnsupportedError
from tests import oracles
from tests.programs.load import PROGRAMS
from tests.programs.registry import Program

SINGLE = 3e-5
"""Relative tolerance of programs that work in float32."""


FIRST = [
    "arrays",
    "branches",
    "calls",
    "dtypes",
    "loops",
    "reductions",
    "scalars",
    "simulations",
    "slices",
    "tuples",
    "views_swaps",
    "whiles",
    "shapes",
    "recursion",
    "optional",
]
"""Themes of which every fourth program is compiled; of the others every tenth is, the rest are slow."""


def waiting(program: Program, number: int = 0, every: int = 5):
    """The program as a parameter, expected to be refused if it waits for something.

    If it is not the first of ``every`` programs, it is slow.
    """
    marks = []
    if program.waits:
        marks.append(pytest.mark.xfail(raises=UnsupportedError, strict=True, reason=program.waits))
    if number % every:
        marks.append(pytest.mark.slow)
    return pytest.param(program, marks=marks, id=program.name)


every_program = pytest.mark.parametrize("program", [waiting(p) for p in PROGRAMS])
compiled_programs = pytest.mark.parametrize(
    "program",
    [
        waiting(p, 1 if p.heavy else k, 4 if p.theme in FIRST else 10)
        for k, p in enumerate(PROGRAMS)
    ],
)


def plain(program: Program):
    return getattr(program.function, "py_func", program.function)


def positions(program: Program) -> tuple[int, ...]:
    names = list(inspect.signature(plain(program)).parameters)
    return tuple(names.index(name) for name in program.outputs)


def active(program: Program, args) -> tuple[int, ...]:
    if program.wrt is not None:
        return program.wrt
    return tuple(i for i, a in enumerate(args) if oracles.is_differentiable(a))


def is_vjp(program: Program) -> bool:
    return bool(program.outputs) or program.whole


def expected_pullback(program: Program, args, seeds, oracle: str):
    weighted = oracles.Weighted(plain(program), positions(program), seeds)
    return [weighted.gradient(args, i, program.kwargs, oracle) for i in active(program, args)]


def expected_gradient(program: Program, args, oracle: str):
    find = oracles.ORACLES[oracle]
    return [find(plain(program), args, i, program.kwargs) for i in active(program, args)]


def make_seeds(leaves):
    rng = np.random.default_rng(7)
    return [rng.standard_normal(np.shape(leaf)) for leaf in leaves]


def like_output(out, seeds):
    """The seeds in the structure of an output, at its precision."""
    if isinstance(out, tuple):
        return tuple(like_output(v, seeds) for v in out)
    seed = seeds.pop(0)
    if isinstance(out, np.ndarray):
        return np.asarray(seed).astype(out.dtype)
    return float(seed)


def assert_unchanged(args, original) -> None:
    for now, before in zip(args, original, strict=True):
        assert np.array_equal(now, before), "the caller's argument was changed"


def compare(program: Program, found, expected, args, sample: int) -> None:
    tolerance = SINGLE if program.single else oracles.TOLERANCE[program.oracle]
    for index, f, e in zip(active(program, args), found, expected, strict=True):
        problem = oracles.mismatch(f, e, tolerance, like=args[index])
        assert problem is None, f"sample {sample}, argument {index}: {problem}"


def run_gradient(program: Program, jit: bool) -> None:
    srcad = pytest.importorskip("srcad")
    args = program.samples[0]()
    gradient = srcad.grad(program.function, wrt=active(program, args), jit=jit)
    for sample, make in enumerate(program.samples):
        args, original = make(), make()
        found = gradient(*args, **program.kwargs)
        assert_unchanged(args, original)
        expected = expected_gradient(program, original, program.oracle)
        compare(program, found, expected, original, sample)
        again = gradient(*args, **program.kwargs)
        assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True)), "second call"


def run_pullback(program: Program, jit: bool) -> None:
    srcad = pytest.importorskip("srcad")
    for sample, make in enumerate(program.samples):
        args, original = make(), make()
        out, pullback = srcad.vjp(program.function, *args, outputs=program.outputs, jit=jit)
        assert_unchanged(args, original)
        primal = oracles.outputs_of(plain(program), positions(program), make(), program.kwargs)
        leaves = oracles.leaves(out)
        assert len(leaves) == len(primal), f"{len(leaves)} outputs, expected {len(primal)}"
        for found, right in zip(leaves, primal, strict=True):
            assert oracles.mismatch(found, right, SINGLE if program.single else 1e-13) is None
        seeds = make_seeds(primal)
        seed = like_output(out, list(seeds))
        cotangents = pullback(seed)
        assert len(cotangents) == len(args)
        for a, c in zip(args, cotangents, strict=True):
            if isinstance(a, int | str | None):
                assert c is None, "a cotangent for an argument that carries none"
        found = [cotangents[i] for i in active(program, args)]
        expected = expected_pullback(program, original, seeds, program.oracle)
        compare(program, found, expected, original, sample)

        if program.cross_checked:
            directions = oracles.directions_for(original, np.random.default_rng(11))
            tangents = oracles.tangent(plain(program), original, directions, positions(program))
            left, right, size = oracles.dot_product(tangents, seeds, cotangents, directions)
            assert abs(left - right) <= (SINGLE if program.single else 1e-11) * size + 1e-13

        again = pullback(seed)
        assert all(
            np.array_equal(a, again[i]) for i, a in zip(active(program, args), found, strict=True)
        )
        assert_unchanged(args, original)


@compiled_programs
def test_compiled(program: Program):
    (run_pullback if is_vjp(program) else run_gradient)(program, jit=True)


@pytest.mark.usefixtures("verified")
@every_program
def test_as_python(program: Program):
    (run_pullback if is_vjp(program) else run_gradient)(program, jit=False)


@pytest.mark.parametrize("theme", sorted({p.theme for p in PROGRAMS}))
def test_oracles_agree(theme: str):
    """Complex step and differences find the same on the whole zoo, and no gradient is all zero."""
    for program in PROGRAMS:
        if program.theme != theme:
            continue
        some = False
        both = list(oracles.ORACLES) if program.cross_checked else [program.oracle]
        for sample, make in enumerate(program.samples):
            args = make()
            if is_vjp(program):
                wide = [oracles.widen(a) for a in make()]
                outs = oracles.outputs_of(plain(program), positions(program), wide, program.kwargs)
                seeds = make_seeds(outs)
                pair = [expected_pullback(program, args, seeds, k) for k in both]
            else:
                pair = [expected_gradient(program, args, k) for k in both]
            for a, b in zip(pair[0], pair[-1], strict=True):
                assert np.all(np.isfinite(a))
                scale = max(1e-3, float(np.max(np.abs(a), initial=0.0)))
                problem = oracles.mismatch(a, b, 1e-7, scale=scale)
                assert problem is None, f"{program.name}, sample {sample}: {problem}"
                some = some or bool(np.any(a))
        assert some, f"{program.name}: the gradient is zero in every sample"


def test_the_zoo_is_large():
    assert len(PROGRAMS) >= 150
    assert len({p.name for p in PROGRAMS}) == len(PROGRAMS)


def test_the_comparison_is_strict():
    """NaN never equals a number, a wrong dtype or shape is a mismatch, zeros are compared."""
    one = np.ones(2)
    assert oracles.mismatch(one, one, 1e-8, like=one) is None
    assert oracles.mismatch(np.array([1.0, np.nan]), one, 1e-8)
    assert oracles.mismatch(one, np.array([1.0, np.nan]), 1e-8)
    assert oracles.mismatch(np.array([1.0, np.inf]), np.array([1.0, -np.inf]), 1e-8)
    assert oracles.mismatch(one.astype(np.float32), one, 1e-8, like=one)
    assert oracles.mismatch(np.ones((2, 1)), one, 1e-8)
    assert oracles.mismatch(one * 1e-9, np.zeros(2), 1e-8)
    assert oracles.mismatch(1, 1.0, 1e-8, like=1.0)


def test_gradient_of_a_tuple():
    """The gradient has the structure of its argument."""
    srcad = pytest.importorskip("srcad")
    from tests.programs.tuples import tuple_argument

    found = srcad.grad(tuple_argument, jit=False)((0.4, 1.5), 2.0)
    assert isinstance(found, tuple)
    assert found == pytest.approx((1.5 * 2.0 + 0.8, 0.4 * 2.0), rel=1e-12)
