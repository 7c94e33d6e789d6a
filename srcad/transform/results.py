"""Results that an array still holds when the statement that computed them is reversed.

The partial derivatives of a quotient, a root or an exponential can be told by the result. Reversal
finds arrays as they were just after a statement, so that what it stored is at hand, where the
operands were overwritten and would have to be saved::

    x[i] = x[i] / a[i]                          y = x[i]
                                   ->           seed = x_b[i] / a[i]
                                                a_b[i] -= y * seed      # not (x[i] / a[i]) * seed

But then the array must hold it: what overwrites it afterwards is saved. Which is less depends on
the program, so that the adjoint is written both ways (``srcad.transform.cost``).
"""

from srcad.ir.nodes import Binary, Block, Call, Const, Expr, Store, statements
from srcad.rules.library import rule_named
from srcad.rules.template import reads_result
from srcad.transform.partials import EXTREMES


def own_results(body: Block) -> frozenset[int]:
    """The stores (by identity) that can be reversed in terms of what they stored."""
    return frozenset(id(s) for s in statements(body) if isinstance(s, Store) and tells(s.value))


def tells(value: Expr) -> bool:
    """Whether the partial derivatives of an expression are told by its result."""
    match value:
        case Binary(op="/"):
            return not isinstance(value.b, Const)
        case Call(function=name) if name not in EXTREMES:
            rule = rule_named(name)
            partials = None if rule is None else rule.partials
            return partials is not None and any(
                reads_result(partials, k) for k in range(len(value.args))
            )
    return False
