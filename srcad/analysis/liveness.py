"""Which names are read later: scalars and array names, through the structured control flow."""

from srcad.analysis.flow import reads_of, writes_of
from srcad.ir.nodes import Block, For, If, Stmt, While, blocks, remembered, statements

Live = frozenset[str]


def live_before(stmt: Stmt, after: Live) -> Live:
    """The names that are live before a statement, given those that are live after it.

    >>> from srcad.ir.nodes import Assign, Var
    >>> x, y = Var("x", "float64"), Var("y", "float64")
    >>> sorted(live_before(Assign(y, x), frozenset({"y", "z"})))
    ['x', 'z']
    """
    gone, read = _flow(stmt)
    return after - gone | read


@remembered("_flow")
def _flow(stmt: Stmt) -> tuple[Live, Live]:
    """What is not live before a statement for being live after it, and what always is."""
    match stmt:
        case If():
            (gone, read), (other, more) = map(_flows, blocks(stmt))
            return gone & other, read | more | reads_of(stmt)
        case For() | While():
            return frozenset(), _read_around(stmt)
    return frozenset(writes_of(stmt)), reads_of(stmt)


def _flows(block: Block) -> tuple[Live, Live]:
    """The same of a block."""
    gone, read = Live(), Live()
    for stmt in reversed(block):
        own, more = _flow(stmt)
        gone, read = gone | own, read - own | more
    return gone, read


def live_at_end(loop: For | While, after: Live) -> Live:
    """The names that are live at the end of an iteration of a loop."""
    return after | _read_around(loop)


def _read_around(loop: For | While) -> Live:
    """What a loop reads of before it, or of the iteration before: that is live in all of them."""
    own, (_, read) = reads_of(loop), _flows(loop.body)
    if isinstance(loop, While):
        return own | read
    return own | read - {loop.var.name} | ({loop.until.name} if loop.until is not None else set())


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
