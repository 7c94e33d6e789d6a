from fractions import Fraction

import expression_swell as es
import numpy as np
import pytest
import sympy


@pytest.mark.parametrize("n", [1, 4, 7])
def test_srcad_sympy_and_the_hand_agree(n):
    ours = es.slope(0.3, 3.7, n)
    exact = es.by_hand(Fraction(0.3), Fraction(3.7), n)
    assert np.isclose(ours, float(exact), rtol=1e-13)
    _, derivative, symbols = es.formula(n)
    assert sympy.lambdify(symbols, derivative)(Fraction(0.3), Fraction(3.7)) == exact


def test_the_formula_swells_and_the_program_does_not():
    four, eight = np.array(es.lengths(4)), np.array(es.lengths(8))
    growth = eight / four
    assert growth[0] > 10.0  # doubles with each iteration
    assert growth[1] > 12.0
    assert 3.0 < growth[2] < 4.0  # the square of n
    assert np.all(growth[3:] <= 2.0)  # in proportion to n, or less
    assert eight[4] / eight[5] < 4.0  # srcad's gradient over the function
    assert eight[1] / eight[4] > 20.0  # the symbolic one over srcad's
