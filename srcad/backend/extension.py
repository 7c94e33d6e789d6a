"""What Numba is told when it starts: srcad's functions, as identities, in the user's own ``@njit``.

Numba calls ``init`` by the entry point of this package in ``numba_extensions``.
"""

from numba.extending import overload

from srcad.inside import checkpoint, on_backward, stop_gradient, straight_through


def init() -> None:
    """Let compiled code call what shapes derivatives."""
    # Numba compares the parameters with those of the lambdas: there is no room for annotations.
    overload(stop_gradient)(lambda x: lambda x: x)
    overload(straight_through)(lambda hard, soft: lambda hard, soft: hard)
    overload(checkpoint)(
        lambda iterable, snapshots=0, memory=0: lambda iterable, snapshots=0, memory=0: iterable
    )
    overload(on_backward)(lambda x, fn: lambda x, fn: x)
