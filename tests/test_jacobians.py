"""Jacobians on the zoo: both modes, against one direction at a time by complex step."""

import numpy as np
import pytest
from scipy import sparse

import srcad
from tests import oracles
from tests.programs.load import PROGRAMS
from tests.programs.registry import Program
from tests.test_programs import SINGLE, active, plain, positions, waiting

SMALL = 40
"""Inputs and outputs up to which a program's Jacobian is computed."""


def size(leaves) -> int:
    return sum(np.size(x) for x in leaves if x is not None)


def is_small(program: Program) -> bool:
    if program.waits:
        return True
    args = program.samples[0]()
    outs = oracles.outputs_of(plain(program), positions(program), args, program.kwargs)
    return max(size(program.samples[0]()[k] for k in active(program, args)), size(outs)) <= SMALL


ZOO = [p for p in PROGRAMS if p.cross_checked and not p.heavy and is_small(p)]


def blocks(jacobian, program: Program, args):
    """For each float output: the derivatives by each argument, as matrices side by side."""
    by_argument = [oracles.leaves(part) for part in jacobian]
    outs = oracles.outputs_of(
        plain(program), positions(program), program.samples[0](), program.kwargs
    )
    rows = []
    for i, out in enumerate(outs):
        row = []
        for k, parts in zip(active(program, args), by_argument, strict=True):
            assert len(parts) == len(outs)
            assert np.shape(parts[i]) == np.shape(out) + np.shape(args[k])
            row.append(np.reshape(parts[i], (np.size(out), np.size(args[k]))))
        rows.append(np.hstack(row))
    return rows


def expected(program: Program):
    """The same, column by column."""
    args = program.samples[0]()
    columns = []
    for k in active(program, args):
        for place in np.ndindex(np.shape(args[k])):
            directions = [None] * len(args)
            directions[k] = np.zeros(np.shape(args[k]))
            directions[k][place] = 1.0
            found = oracles.tangent(
                plain(program), program.samples[0](), directions, positions(program), program.kwargs
            )
            columns.append([np.reshape(x, -1) for x in found])
    return [np.stack(parts, 1) for parts in zip(*columns, strict=True)]


@pytest.mark.parametrize("program", [waiting(p, k) for k, p in enumerate(ZOO)])
def test_both_modes(program: Program):
    args = program.samples[0]()
    options = {"wrt": active(program, args), "outputs": program.outputs, "jit": False}
    found = [
        blocks(
            srcad.jacobian(program.function, mode=mode, **options)(*args, **program.kwargs),
            program,
            args,
        )
        for mode in ("fwd", "rev")
    ]
    assert all(np.array_equal(a, b) for a, b in zip(args, program.samples[0](), strict=True))
    tolerance = SINGLE if program.single else oracles.TOLERANCE["complex"]
    for forward, reverse, right in zip(*found, expected(program), strict=True):
        scale = max(1e-3, float(np.max(np.abs(right), initial=0.0)))
        for mode, left in (("fwd", forward), ("rev", reverse)):
            problem = oracles.mismatch(left, right, tolerance, scale=scale)
            assert problem is None, f"{mode}: {problem}"


def test_the_zoo_is_large():
    assert len(ZOO) >= 150


def matrices(x):
    if isinstance(x, tuple | list):
        return [m for v in x for m in matrices(v)]
    return [x.toarray()] if sparse.issparse(x) else []


@pytest.mark.parametrize("program", [waiting(p, k) for k, p in enumerate(ZOO)])
def test_sparse(program: Program):
    """What is found from few sweeps is what is found from all, so no entry was missing."""
    if program.waits:
        pytest.skip("is refused")
    args = program.samples[0]()
    options = {"wrt": active(program, args), "outputs": program.outputs, "jit": False}
    dense = srcad.jacobian(program.function, mode="rev", **options)(*args, **program.kwargs)
    wanted = np.vstack(blocks(dense, program, args))
    for mode in ("fwd", "rev"):
        jacobian = srcad.jacobian(program.function, mode=mode, sparsity="detect", **options)
        parts = [matrices(p) for p in jacobian(*args, **program.kwargs)]
        found = np.vstack([np.hstack(row) for row in zip(*parts, strict=True)])
        tolerance = SINGLE if program.single else 1e-11
        scale = max(1e-3, float(np.max(np.abs(wanted), initial=0.0)))
        problem = oracles.mismatch(found, wanted, tolerance, scale=scale)
        assert problem is None, f"{mode}: {problem}"


LOSSES = [p for p in ZOO if not p.outputs and not p.whole and not p.single]


@pytest.mark.parametrize("program", [waiting(p, k) for k, p in enumerate(LOSSES)])
def test_sparse_hessian(program: Program):
    """Likewise, and symmetric."""
    if program.waits:
        pytest.skip("is refused")
    args = program.samples[0]()
    options = {"wrt": active(program, args), "jit": False}
    dense = srcad.hessian(program.function, **options)(*args, **program.kwargs)
    found = srcad.hessian(program.function, sparsity="detect", **options)(*args, **program.kwargs)
    shapes = [np.size(args[k]) for k in active(program, args)]
    wanted = np.block(
        [
            [np.reshape(b, (m, n)) for b, n in zip(row, shapes, strict=True)]
            for row, m in zip(dense, shapes, strict=True)
        ]
    )
    got = np.block([[b.toarray() for b in row] for row in found])
    size = max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
    np.testing.assert_allclose(got, wanted, rtol=0.0, atol=1e-10 * size)
    assert np.max(np.abs(wanted - wanted.T), initial=0.0) <= 1e-10 * size
