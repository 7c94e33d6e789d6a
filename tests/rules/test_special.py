"""The functions of ``scipy.special``: one row for each rule."""

import pytest

from tests.rules.support import Row, check_array, check_scalar, row, write

PLAIN = (0.3, -1.4, 2.2, 0.0)
UNIT = (0.3, 0.7, 0.4)
POSITIVE = (0.3, 1.0, 12.5)
PAIRS = ((3.0, 4.0), (0.4, 0.7), (1.5, 2.2))
INF = float("inf")


def one(name: str, *points: float, edges: dict[float, float] | None = None) -> Row:
    call = f"special.{name}(a)"
    return row(call[:-3], call, call, *points, edges=edges)


def two(name: str, *points: tuple[float, float], edges: object = None) -> Row:
    call = f"special.{name}(a, b)"
    return row(call[:-6], call, call, *points, edges=edges)


def last(name: str, *points: float, orders: str = "1.3") -> Row:
    """A function whose orders have to be constant."""
    call = f"special.{name}({orders}, a)"
    return row(f"special.{name}", call, call, *points)


# fmt: off
ROWS = (
    one("erfcx", *PLAIN, 30.0, edges={1e5: -5.6418958346313316e-11}),
    one("erfi", *PLAIN),
    one("dawsn", *PLAIN, edges={1e5: -5.0000000075e-11}),
    one("erfinv", 0.3, -0.8, 0.0, edges={1.0: INF}),
    one("erfcinv", 0.3, 1.7, 1.0),
    one("ndtr", *PLAIN, edges={-40.0: 0.0}),
    one("log_ndtr", *PLAIN, edges={-40.0: 40.02496883657255, 100.0: 0.0}),
    one("ndtri", 0.3, 0.5, 0.7),
    last("stdtr", *PLAIN, orders="2.5"),
    one("gamma", *POSITIVE[:2], -1.5, 3.5),
    one("gammaln", *POSITIVE, -1.5),
    one("gammasgn", 0.7, -0.5, -1.5),
    one("loggamma", *POSITIVE),
    one("rgamma", *POSITIVE[:2], -1.5),
    one("psi", *POSITIVE, -1.5),
    last("zeta", 0.5, 3.0, 20.0, orders="2.5"),
    two("beta", *PAIRS),
    two("betaln", *PAIRS),
    two("binom", (5.0, 2.0), (4.5, 1.2)),
    last("gammainc", *POSITIVE),
    last("gammaincc", *POSITIVE),
    last("betainc", *UNIT, orders="1.3, 0.8"),
    one("expit", *PLAIN, edges={800.0: 0.0, -800.0: 0.0, 40.0: 4.248354255291589e-18}),
    one("log_expit", *PLAIN, edges={800.0: 0.0, -800.0: 1.0}),
    one("logit", *UNIT),
    two("xlogy", *PAIRS, edges={(0.0, 2.0): (0.6931471805599453, 0.0)}),
    two("xlog1py", *PAIRS, (0.0, 0.0)),
    one("entr", *POSITIVE, edges={0.0: INF}),
    two("rel_entr", *PAIRS),
    two("kl_div", *PAIRS, edges={(0.0, 2.0): (-INF, 1.0)}),
    two("huber", (1.5, 0.7), (1.5, 3.2), (0.6, -2.0)),
    two("pseudo_huber", *PAIRS, (1.5, -3.2), (0.7, 0.0)),
    one("exp10", 0.3, -1.4, 0.0),
    one("cosm1", *PLAIN),
    one("exp1", *POSITIVE),
    one("expi", 0.3, 1.0, -2.0),
    one("spence", *POSITIVE),
    two("boxcox", *PAIRS, (1.5, 0.0), (2.0, -1.2), (1.3, 0.03)),
    two("boxcox1p", *PAIRS, (1.5, 0.0), (2.0, -1.2), (1.3, 0.01)),
    two("inv_boxcox", *PAIRS, (1.5, 0.0), (0.3, -1.2), (1.3, 0.001)),
    one("j0", *PLAIN),
    one("j1", *PLAIN),
    last("jv", 0.3, 2.2, 12.0),
    one("y0", *POSITIVE),
    one("y1", *POSITIVE),
    last("yv", *POSITIVE),
    last("yn", 1.0, 3.0, 12.5, orders="2"),
    one("i0", *PLAIN),
    one("i1", *PLAIN),
    one("i0e", 0.3, -1.4, 2.2),
    one("i1e", 0.3, -1.4, 2.2),
    last("iv", *POSITIVE[:2]),
    last("ive", *POSITIVE),
    one("k0", *POSITIVE),
    one("k1", *POSITIVE),
    one("k0e", *POSITIVE),
    one("k1e", *POSITIVE),
    last("kv", *POSITIVE),
    last("kve", *POSITIVE),
    last("kn", 1.0, 3.0, 12.5, orders="2"),
    one("ellipk", *UNIT, -2.0, 0.0005, 0.0),
    one("ellipe", *UNIT, -2.0, 0.0005, 0.0),
)
# fmt: on

MODULE = write(ROWS)
CASES = [pytest.param(k, r, id=r.rule) for k, r in enumerate(ROWS)]


@pytest.mark.parametrize(("k", "each"), CASES)
def test_scalar(k: int, each: Row):
    check_scalar(MODULE, k, each)


@pytest.mark.parametrize(("k", "each"), CASES)
def test_array(k: int, each: Row):
    check_array(MODULE, k, each)
