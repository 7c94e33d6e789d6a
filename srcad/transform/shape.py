"""The loops of a reverse sweep, shaped as one would write them: the passes, in their order.

Reversal gives each loop the iterations of the program, last first, with the contributions where
the chain rule puts them. What the processor likes better is the same sum in another order.
"""

from dataclasses import replace

from srcad.analysis.alias import Aliases, points_to
from srcad.analysis.flow import scalars
from srcad.analysis.iterations import Bounds
from srcad.analysis.places import REVERSE, start_of_reverse
from srcad.ir.names import Names
from srcad.ir.nodes import Function
from srcad.transform.carry import carry
from srcad.transform.fold import fold
from srcad.transform.gather import gather
from srcad.transform.outer import batch_products
from srcad.transform.periodic import periodic
from srcad.transform.products import strided
from srcad.transform.registers import keep_sums
from srcad.transform.reorder import reorder
from srcad.transform.roll import roll
from srcad.transform.sums import free_sums
from srcad.transform.unite import unite


def shaped(
    function: Function,
    adjoints: frozenset[str],
    names: Names,
    *,
    final: bool,
    valued: bool,
    threads: bool = False,
) -> Function:
    """The adjoint with the loops of its reverse sweep shaped.

    ``final``: no pass follows, so that sums are freed; with ``valued``, what the function computes
    is asked for as well, and its sums keep their order. ``threads``: independent iterations
    stay so, to run in threads.
    """
    body = function.body
    start = start_of_reverse(body)
    if start is None:
        return function
    arrays = dict(function.arrays)
    aliases = Aliases(body, points_to(body, set(arrays)))
    shadows = adjoints & set(arrays)
    sweep, bounds, live = body[start:], Bounds(body), frozenset(function.exports)
    sweep = reorder(sweep, live, aliases, bounds)
    if final:
        in_rows = shadows - strided(body)
        sweep = batch_products(sweep, in_rows, aliases, names, arrays)
    sweep, sums = keep_sums(sweep, shadows, aliases, names, final=final)
    sweep = periodic(sweep, shadows, names, arrays)
    body = fold((*body[:start], *sweep), start, shadows, aliases, names, arrays)
    body = unite(body, start, shadows, aliases, names, arrays)
    start = body.index(REVERSE)
    body = (*body[:start], *roll(body[start:], shadows, aliases, names, arrays))
    sweep = body[start:]
    sweep = gather(
        sweep, live, shadows, aliases, bounds, names, arrays, carries=final, threads=threads
    )
    if final:
        sweep = carry(sweep, aliases, bounds, names, arrays)
    body = (*body[:start], *sweep)
    if final:
        free = adjoints | sums if valued else frozenset(scalars(body))
        body = free_sums(body, live, free, aliases, bounds)
    return replace(function, body=body, arrays=arrays)
