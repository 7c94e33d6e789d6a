"""Forward mode on the zoo: against complex step, and tied to reverse mode by the dot product."""

import itertools

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.programs.complexes import PROGRAMS as COMPLEX
from tests.programs.load import PROGRAMS
from tests.programs.registry import Program
from tests.test_complex import copied, paired, seeds_like
from tests.test_complex import leaves as complex_leaves
from tests.test_programs import (
    SINGLE,
    active,
    expected_gradient,
    is_vjp,
    like_output,
    make_seeds,
    plain,
    positions,
    waiting,
)

DOT = 1e-12
"""Relative difference of ``<seed, J v>`` and ``<J^T seed, v>``."""

KINKED = {
    "kernels_physics.ray_march": "a ray crosses cells of a grid, in which density is bilinear",
    "rearranging.stable_among_equals": "equal numbers are sorted",
}
"""Programs whose gradient has kinks nearby: differences of it say nothing."""


def run_forward(program: Program, jit: bool, dot: bool = True) -> None:
    for sample, make in enumerate(program.samples):
        args, original = make(), make()
        directions = oracles.directions_for(original, np.random.default_rng(11))
        fixed = {**program.kwargs, "outputs": program.outputs}
        out, tangent = srcad.jvp(program.function, args, tuple(directions), jit=jit, **fixed)
        for now, before in zip(args, original, strict=True):
            assert np.array_equal(now, before), "the caller's argument was changed"
        primal = oracles.outputs_of(plain(program), positions(program), make(), program.kwargs)
        moved = oracles.leaves(tangent)
        assert len(moved) == len(primal)
        for value, right, change in zip(oracles.leaves(out), primal, moved, strict=True):
            assert oracles.mismatch(value, right, SINGLE if program.single else 1e-13) is None
            assert np.shape(change) == np.shape(value)
            assert np.asarray(change).dtype == np.asarray(value).dtype
        if program.cross_checked:
            wanted = oracles.tangent(
                plain(program), original, directions, positions(program), program.kwargs
            )
            for found, right in zip(moved, wanted, strict=True):
                tolerance = SINGLE if program.single else oracles.TOLERANCE["complex"]
                problem = oracles.mismatch(found, right, tolerance)
                assert problem is None, f"sample {sample}: {problem}"
            if not dot:
                continue  # the pullback is compared with the same oracle in test_programs.py
        seeds = make_seeds(primal)
        out, pullback = srcad.vjp(program.function, *make(), jit=jit, **fixed)
        cotangents = pullback(like_output(out, list(seeds)))
        left, right, size = oracles.dot_product(moved, seeds, cotangents, directions)
        assert abs(left - right) <= (SINGLE if program.single else DOT) * size + 1e-15


@pytest.mark.sampled(3)
@pytest.mark.usefixtures("verified")
@pytest.mark.parametrize("program", [waiting(p) for p in PROGRAMS])
def test_as_python(program: Program):
    run_forward(program, jit=False, dot=False)


@pytest.mark.parametrize("program", [waiting(p, k, 20) for k, p in enumerate(PROGRAMS)])
def test_tied_to_reverse_mode(program: Program):
    run_forward(program, jit=False)


def moved_by(args, wrt, vectors, step):
    """The arguments with those in wrt moved along vectors."""
    out = list(args)
    for k, v in zip(wrt, vectors, strict=True):
        out[k] = args[k] + step * v
    return out


def second_order(program: Program, args, wrt, vectors) -> list:
    """The Hessian times a vector: differences of the gradient that complex step finds."""
    slopes = []
    for h in (4e-3, 2e-3, 1e-3):
        ends = []
        for step in (h, -h):
            at = moved_by(args, wrt, vectors, step)
            ends.append([np.asarray(g) for g in expected_gradient(program, at, program.oracle)])
        slopes.append([(a - b) / (2 * h) for a, b in zip(*ends, strict=True)])
    for power in (4, 16):
        pairs = itertools.pairwise(slopes)
        slopes = [[(power * y - x) / (power - 1) for x, y in zip(*p, strict=True)] for p in pairs]
    return slopes[0]


SECOND = [
    p
    for p in PROGRAMS
    if not is_vjp(p) and not p.single and p.oracle == "complex" and p.name not in KINKED
]


@pytest.mark.parametrize(
    "program", [waiting(p, 1 if p.heavy else k, 5) for k, p in enumerate(SECOND)]
)
def test_second_order(program: Program):
    """Forward over reverse, at the first sample."""
    args = program.samples[0]()
    wrt = active(program, args)
    random = np.random.default_rng(5)
    vectors = tuple(random.standard_normal(np.shape(args[k])) for k in wrt)
    vectors = tuple(
        v if np.ndim(v) or isinstance(args[k], np.ndarray) else float(v)
        for k, v in zip(wrt, vectors, strict=True)
    )
    found = srcad.hvp(program.function, args, vectors, wrt=wrt, jit=False, **program.kwargs)
    wanted = second_order(program, args, wrt, vectors)
    size = max([1.0, *(float(np.max(np.abs(w), initial=0.0)) for w in wanted)])
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * size)


REFUSED_INSIDE = {"kernels_particles.barnes_hut_quadrants"}  # a list of lists, changed in place


@pytest.mark.parametrize(
    "program", [waiting(p, 1 if p.heavy else k, 20) for k, p in enumerate(SECOND)]
)
def test_reverse_over_reverse(program: Program):
    """The transposed Hessian of the adjoint of the adjoint, at the first sample."""
    args = program.samples[0]()
    wrt = active(program, args)
    random = np.random.default_rng(5)
    vectors = tuple(
        v if np.ndim(v) or isinstance(args[k], np.ndarray) else float(v)
        for k, v in ((k, random.standard_normal(np.shape(args[k]))) for k in wrt)
    )
    gradient = srcad.grad(program.function, wrt=wrt, jit=False)
    try:
        _, pullback = srcad.vjp(gradient, *args, jit=False, **program.kwargs)
    except srcad.UnsupportedError as error:
        assert "calls itself" in str(error) or program.name in REFUSED_INSIDE
        pytest.skip(str(error).splitlines()[0])
    found = pullback(vectors)
    wanted = second_order(program, args, wrt, vectors)
    size = max([1.0, *(float(np.max(np.abs(w), initial=0.0)) for w in wanted)])
    for k, b in zip(wrt, wanted, strict=True):
        np.testing.assert_allclose(found[k], b, rtol=1e-5, atol=1e-6 * size)


def changing(value, random):
    """Random tangents in the structure of an argument; None for what has no floats."""
    if isinstance(value, tuple):
        return tuple(changing(v, random) for v in value)
    if np.asarray(value).dtype.kind not in "fc":
        return None
    return seeds_like(value, random)


def along(args, directions, step):
    """The arguments moved along directions."""
    if isinstance(args, tuple):
        return tuple(along(a, v, step) for a, v in zip(args, directions, strict=True))
    return copied(args) if directions is None else args + step * directions


@pytest.mark.usefixtures("verified")
@pytest.mark.parametrize("item", COMPLEX, ids=lambda p: p.f.__name__)
def test_complex(item):
    args = item.args()
    directions = changing(args, np.random.default_rng(3))
    out, tangent = srcad.jvp(item.f, copied_all(args), directions, jit=False)
    slopes = []
    for h in (2e-3, 1e-3, 5e-4):
        ends = [complex_leaves(item.f(*along(args, directions, s * h))) for s in (1.0, -1.0)]
        slopes.append([(a - b) / (2 * h) for a, b in zip(*ends, strict=True)])
    for power in (4, 16):
        pairs = itertools.pairwise(slopes)
        slopes = [
            [(power * y - x) / (power - 1) for x, y in zip(a, b, strict=True)] for a, b in pairs
        ]
    for found, wanted in zip(complex_leaves(tangent), slopes[0], strict=True):
        size = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
        np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-8 * size)
    out, pullback = srcad.vjp(item.f, *copied_all(args), jit=False)
    seed = seeds_like(out, np.random.default_rng(7))
    right = sum(
        float(np.sum(np.conj(c) * v).real)
        for c, v in zip(complex_leaves(pullback(seed)), complex_leaves(directions), strict=True)
        if c is not None
    )
    assert paired(seed, tangent) == pytest.approx(right, rel=1e-11, abs=1e-12)


def copied_all(args):
    return tuple(copied(a) for a in args)
