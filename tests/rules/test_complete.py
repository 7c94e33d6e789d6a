"""No rule without a row in a table of tests, and no row without a rule."""

from srcad.rules.library import all_rules
from tests.rules import test_arithmetic, test_elementary, test_special

ROWS = (*test_arithmetic.ROWS, *test_elementary.ROWS, *test_special.ROWS)

ELSEWHERE = {
    "digamma": "tests/test_forward.py",  # the second derivative of lgamma
    "complex": "tests/test_complex.py",
    "np.conj": "tests/test_complex.py",
    "np.imag": "tests/test_complex.py",
    "np.real": "tests/test_complex.py",
    "np.float32": "a conversion: tests/programs/dtypes.py",
    "stop_gradient": "tests/api/test_inside.py",
    "straight_through": "tests/api/test_inside.py",
}


def test_every_rule_has_a_row():
    tested = {r.rule for r in ROWS}
    known = {rule.name for rule in all_rules()}
    assert known - tested - set(ELSEWHERE) == set()
    assert tested - known == set()


def test_every_row_is_of_one_rule():
    tested = [r.rule for r in ROWS]
    assert len(tested) == len(set(tested))
