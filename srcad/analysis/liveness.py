"""Which names are read later: scalars and array names, through the structured control flow."""

from srcad.analysis.flow import reads_of, writes_of
from srcad.ir.nodes import Block, For, If, Stmt, While, blocks, statements

Live = frozenset[str]


def live_before(stmt: Stmt, after: Live) -> Live:
    """The names that are live before a statement, given those that are live after it.

    >>> from srcad.ir.nodes import Assign, Var
    >>> x, y = Var("x", "float64"), Var("y", "float64")
    >>> sorted(live_before(Assign(y, x), frozenset({"y", "z"})))
    ['x', 'z']
    """
    match stmt:
        case If():
            return _before(stmt.body, after) | _before(stmt.orelse, after) | reads_of(stmt)
        case For() | While():
            return live_at_end(stmt, after) | after
    return after - set(writes_of(stmt)) | reads_of(stmt)


def live_at_end(loop: For | While, after: Live) -> Live:
    """The names that are live at the end of an iteration of a loop."""
    own = reads_of(loop)
    if isinstance(loop, For) and loop.until is not None:
        own = own | {loop.until.name}
    counter = {loop.var.name} if isinstance(loop, For) else set()
    end = after | own
    while True:
        head = _before(loop.body, end) - counter
        if head <= end:
            return end
        end |= head


def _before(block: Block, live: Live) -> Live:
    for stmt in reversed(block):
        live = live_before(stmt, live)
    return live


def live_after(block: Block, place: Stmt, after: Live) -> Live:
    """The names that are live after a statement somewhere in a block."""
    for stmt in reversed(block):
        if stmt is place:
            return after
        inside = next((b for b in blocks(stmt) if any(s is place for s in statements(b))), None)
        if inside is not None:
            end = live_at_end(stmt, after) if isinstance(stmt, For | While) else after
            return live_after(inside, place, end)
        after = live_before(stmt, after)
    return after
