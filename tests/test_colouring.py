"""Colourings on random patterns, by what they promise; unions of sets against Python's own."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from srcad import colouring
from srcad.config import Options
from srcad.runtime.unions import union
from srcad.sparsity import Planner, pattern_of, symmetrised


def random_pattern(rng, rows, columns, density):
    return rng.random((rows, columns)) < density


PATTERNS = [
    (seed, rows, columns, density)
    for seed, (rows, columns, density) in enumerate(
        itertools.product((1, 7, 20), (1, 8, 25), (0.0, 0.08, 0.3, 1.0))
    )
]


@pytest.mark.parametrize(("seed", "rows", "columns", "density"), PATTERNS)
@pytest.mark.parametrize("mode", ["fwd", "rev", "auto"])
def test_apart(seed, rows, columns, density, mode):
    """No two columns (rows) of a colour meet in a row (column), and all entries are read."""
    rng = np.random.default_rng(seed)
    dense = random_pattern(rng, rows, columns, density)
    plan = Planner(Options(jit=False))(pattern_of(dense), mode)
    matrix = np.where(dense, rng.standard_normal(dense.shape), 0.0)
    facing = matrix if plan.direction == "fwd" else matrix.T
    assert mode in ("auto", plan.direction)
    assert np.max((facing != 0.0).astype(int) @ (plan.seeds != 0.0), initial=0) <= 1
    found = plan.pattern.matrix(plan.entries(facing @ plan.seeds)).toarray()
    np.testing.assert_array_equal(found, matrix)
    fewest = [int(np.max(np.sum(dense, k), initial=0)) for k in (1, 0)]
    assert plan.count >= fewest[["fwd", "rev"].index(plan.direction)]


@pytest.mark.parametrize("seed", range(30))
def test_star(seed):
    """Neighbours differ, and no path of four vertices has two colours only."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 14))
    half = random_pattern(rng, n, n, rng.choice([0.05, 0.15, 0.4, 1.0]))
    dense = half | half.T
    plan = Planner(Options(jit=False))(pattern_of(dense), "symmetric")
    colours = [int(np.flatnonzero(s)[0]) if s.any() else -1 for s in plan.seeds]
    near = [[w for w in range(n) if dense[v, w] and v != w] for v in range(n)]
    for v, w in itertools.product(range(n), range(n)):
        if v != w and dense[v, w]:
            assert colours[v] != colours[w]
    for a in range(n):
        for b in near[a]:
            for c in near[b]:
                for d in near[c]:
                    if len({a, b, c, d}) == 4:
                        assert len({colours[k] for k in (a, b, c, d)}) > 2
    matrix = np.where(dense, rng.standard_normal((n, n)), 0.0)
    matrix = matrix + matrix.T
    found = plan.pattern.matrix(plan.entries(matrix @ plan.seeds)).toarray()
    np.testing.assert_array_equal(found, matrix)


def test_hubs_have_colours_of_their_own():
    """An arrow: two colours, though its long row meets all columns."""
    n = 400
    arrow = sparse.eye_array(n, format="lil")
    arrow[7, :] = arrow[:, 7] = 1.0
    plan = Planner(Options(jit=False))(pattern_of(arrow), "symmetric")
    assert plan.count == 2
    matrix = np.where(arrow.toarray() != 0.0, np.arange(n * n).reshape(n, n) + 1.0, 0.0)
    matrix = matrix + matrix.T
    found = plan.pattern.matrix(plan.entries(matrix @ plan.seeds)).toarray()
    np.testing.assert_array_equal(found, matrix)


@pytest.mark.parametrize("band", [1, 2, 5])
def test_bands_need_as_many_colours_as_they_are_wide(band):
    n = 60
    pattern = pattern_of(np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= band)
    assert Planner(Options(jit=False))(pattern, "auto").count == 2 * band + 1


def test_rows_where_they_need_fewer():
    dense = np.zeros((30, 40), bool)
    dense[3] = True  # each column apart, two rows together
    plan = Planner(Options(jit=False))(pattern_of(dense | (np.eye(30, 40) > 0)), "auto")
    assert (plan.direction, plan.count) == ("rev", 2)


def test_the_other_order_is_tried():
    """A crown coloured in its natural order needs many colours; longest first fewer."""
    rng = np.random.default_rng(2)
    worse = 0
    for _ in range(40):
        dense = random_pattern(rng, 12, 12, 0.25)
        pattern = pattern_of(dense)
        natural = np.arange(12)
        by_columns = pattern_of(dense.T)
        args = (pattern.indptr, pattern.indices, by_columns.indptr, by_columns.indices)
        plain = colouring.columns_apart(*args, natural).max() + 1
        found = Planner(Options(jit=False))(pattern, "fwd").count
        assert found <= plain
        worse += found < plain
    assert worse


def test_plans_are_found_again():
    planner = Planner(Options(jit=False))
    a = planner(pattern_of(np.eye(3)), "fwd")
    assert planner(pattern_of(np.eye(3)), "fwd") is a
    assert planner(pattern_of(np.eye(3)), "rev") is not a
    assert planner(pattern_of(np.ones((3, 3))), "fwd") is not a


def test_symmetrised():
    dense = np.zeros((4, 4))
    dense[0, 2] = dense[3, 3] = 1.0
    found = symmetrised(pattern_of(dense)).matrix(np.ones(3)).toarray()
    np.testing.assert_array_equal(found, dense + dense.T - np.diag(np.diag(dense)))


def table_of(length, inputs):
    table = np.full((length, 6), 77, np.int32)  # what memory holds before it is written
    table[: inputs + 1] = 0
    table[: inputs + 1, 2] = np.arange(inputs + 1)
    return table, np.array([inputs + 1])


@pytest.mark.parametrize("jit", [False, True])
def test_unions(jit):
    """Random unions against Python's sets; none is made that is there already in its operands."""
    found_by = colouring.reached
    if jit:
        from srcad.sparsity import Helpers

        found_by = Helpers(Options())("reached")
    rng = np.random.default_rng(0)
    inputs = 9
    unions = table_of(400, inputs)
    sets = {k: {k} if k else set() for k in range(inputs + 1)}
    for _ in range(200):
        a, b = (int(k) for k in rng.choice(list(sets), 2))
        found = int(union(unions, a, b))
        wanted = sets[a] | sets[b]
        assert sets.setdefault(found, wanted) == wanted
        if len(wanted) <= 4 and wanted in (sets[a], sets[b]):
            assert found in (a, b)
    numbers = np.array(list(sets))
    indptr, indices = found_by(unions[0], int(unions[1][0]), inputs, numbers)
    for k, number in enumerate(numbers):
        got = list(indices[indptr[k] : indptr[k + 1]] + 1)
        assert got == sorted(sets[int(number)])


def test_a_table_that_is_too_short_goes_on_counting():
    long, short = table_of(100, 5), table_of(8, 5)
    for unions in (long, short):
        found = 0
        for k in (1, 2, 3, 4, 5, 1, 3):
            found = union(unions, found, k)
    assert long[1][0] <= short[1][0]
    assert short[1][0] > 8


def test_long_rows_are_sorted():
    inputs = 100
    unions = table_of(300, inputs)
    found = 0
    for k in np.random.default_rng(1).permutation(inputs) + 1:
        found = union(unions, found, int(k))
    indptr, indices = colouring.reached(
        unions[0], int(unions[1][0]), inputs, np.array([found, 0, 3])
    )
    assert list(indptr) == [0, 100, 100, 101]
    assert list(indices) == [*range(100), 2]
