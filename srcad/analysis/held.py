"""Arrays of which something may keep hold when the iteration that makes them is over.

Where each iteration makes an array anew, one array can serve all of them only if nobody has kept
it: under another name, on a list, in a view, or in a function of the user's. ::

    for t in range(n):
        w = np.empty(3)         # each iteration may have the same one
        y = np.empty(3)         # each has its own: the names p and q hold two of them
        p, q = q, y
"""

from srcad.analysis.flow import names_of
from srcad.ir.nodes import (
    Bind,
    Function,
    Invoke,
    Keep,
    Pop,
    Push,
    Reshape,
    Return,
    Window,
    statements,
)


def held_arrays(function: Function) -> set[str]:
    """Arrays that are bound to other names, listed, returned, given away, or shown by such ones."""
    held = set(function.exports)
    views: list[tuple[str, str]] = []
    for stmt in statements(function.body):
        match stmt:
            case Bind() | Push() | Pop() | Keep() | Return():
                held |= names_of(stmt)
            case Invoke(function=name) if not name.startswith("np."):
                held |= names_of(stmt)
            case Window(target=target, source=source) | Reshape(target=target, source=source):
                views.append((target, source))
    size = -1
    while size != (size := len(held)):
        held |= {source for target, source in views if target in held}
    return held
