import checkpointing
import full_waveform_inversion as fwi
import numpy as np
import pytest

STEPS = 60


@pytest.fixture(scope="module")
def arguments():
    return checkpointing.problem(20, 26, STEPS)


def test_gradient_is_that_of_the_unmarked_loop_bit_for_bit(arguments):
    value, gradient = fwi.misfit_and_gradient(*arguments)
    assert value > 0.0
    assert np.max(np.abs(gradient)) > 0.0
    for k in (1, 2, 3, 7, 20, STEPS, 1000):
        found_value, found = checkpointing.misfit_and_gradient(*arguments, k)
        assert np.isclose(found_value, value, rtol=1e-13)
        np.testing.assert_array_equal(found, gradient)


def fewest_by_recursion(most_steps, most_snapshots):
    """t(n, k) by its definition: the best place for the next snapshot, by dynamic programming."""
    best = np.zeros((most_snapshots + 1, most_steps + 1), dtype=int)
    best[1] = [n * (n - 1) // 2 for n in range(most_steps + 1)]
    for k in range(2, most_snapshots + 1):
        for n in range(2, most_steps + 1):
            best[k, n] = min(m + best[k - 1, n - m] + best[k, m] for m in range(1, n))
    return best


def test_closed_formula_is_the_least_of_all_orders():
    best = fewest_by_recursion(40, 8)
    for k in range(1, 9):
        assert [checkpointing.fewest_steps(n, k) for n in range(1, 41)] == list(best[k, 1:])


def test_steps_that_are_run_are_those_of_the_closed_formula():
    for n, k in [(1, 1), (2, 1), (12, 1), (12, 3), (35, 3), (36, 3), (90, 5), (20, 19), (20, 30)]:
        recorded, last = n, 1  # the forward sweep runs the last one, too
        expected = checkpointing.fewest_steps(n, k) + recorded + last
        assert checkpointing.count_steps(n, k) == expected, (n, k)


def test_memory_is_that_of_the_snapshots_and_of_one_step(arguments):
    cells = arguments[0].size
    for k in (1, 4, 16):
        checkpointing.misfit_and_gradient(*arguments, k)
        found = checkpointing.tape_bytes(checkpointing.misfit_and_gradient, *arguments, k)
        rest = found - checkpointing.snapshot_bytes(STEPS, k, cells)
        assert 0 <= rest < 8 * cells + 2000
    fwi.misfit_and_gradient(*arguments)
    assert checkpointing.tape_bytes(fwi.misfit_and_gradient, *arguments) > 0.7 * 8 * cells * STEPS
