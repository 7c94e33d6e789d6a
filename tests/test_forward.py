"""Forward mode on the zoo: against complex step, and tied to reverse mode by the dot product."""

import numpy as np
import pytest

import srcad
from tests import oracles
from tests.programs.load import PROGRAMS
from tests.programs.registry import Program
from tests.test_programs import SINGLE, like_output, make_seeds, plain, positions, waiting

DOT = 1e-12
"""Relative difference of ``<seed, J v>`` and ``<J^T seed, v>``."""


def run_forward(program: Program, jit: bool) -> None:
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
        seeds = make_seeds(primal)
        out, pullback = srcad.vjp(program.function, *make(), jit=jit, **fixed)
        cotangents = pullback(like_output(out, list(seeds)))
        left, right, size = oracles.dot_product(moved, seeds, cotangents, directions)
        assert abs(left - right) <= (SINGLE if program.single else DOT) * size + 1e-15


@pytest.mark.parametrize("program", [waiting(p) for p in PROGRAMS])
def test_as_python(program: Program):
    run_forward(program, jit=False)
