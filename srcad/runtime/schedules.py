"""Where the snapshots of a long run are, and how much of it is on the tape at a time."""

import math

from numba.extending import register_jitable


@register_jitable
def next_snapshot(step: int, end: int, free: int) -> int:
    """Where to take the next snapshot on the way from ``step``, whose state is kept, to ``end``.

    The iterations from ``step`` to ``end - 1`` are to be reversed, and ``free`` more snapshots can
    be kept meanwhile. It goes where the fewest iterations are run again: with c = free + 1 and
    beta(c, r) = (c + r)! / (c! r!), the most that can be reversed if none is run more than r times,
    that is beta(c, r - 1) iterations further on, or as few less as fill the rest (Griewank and
    Walther, ACM Trans. Math. Softw. 26, 2000). Without room for one it is the last iteration.
    """
    length = end - step
    if length <= 1:
        return end
    if free <= 0:
        return end - 1
    runs, most = 1, free + 2  # beta(c, 1)
    before, beside = 1, 1  # beta(c, r - 1) and beta(c - 1, r - 1)
    while most < length:
        runs += 1
        before, most = most, most * (free + 1 + runs) // runs
        beside = before * (free + 1) // (free + runs)
    return step + min(before, length - beside)


@register_jitable
def snapshot_distance(trips: int, snapshots: int) -> int:
    """How far snapshots are apart of which there are at most so many, at equal distances."""
    return max(1, (trips + snapshots - 1) // snapshots)


@register_jitable
def segment_length(trips: int, step: int, state: int) -> int:
    """How many steps of a run are on the tape at a time: all of them where that is not much.

    A step takes ``step`` bytes of tape. Before each segment, ``state`` bytes are kept to run it
    again; tape and states together are shortest where they are of the same length. 8 MB are not
    much: a processor's caches hold them.
    """
    if trips * step <= 1 << 23:
        return max(1, trips)
    return min(trips, max(8, math.ceil(math.sqrt(trips * state / step))))


@register_jitable
def disk_distance(trips: int, snapshots: int, most: int, turns: int) -> int:
    """How far snapshots on disk are apart, of which there are at most ``most`` (0: no limit).

    From one to the next, the snapshots in memory are enough to run no iteration again more than
    once. It is a multiple of ``turns``.
    """
    enough = max(1, (snapshots + 1) // turns)
    fewest = 0 if most == 0 else (trips + most * turns - 1) // (most * turns)
    return max(enough, fewest) * turns


@register_jitable
def next_periodic(step: int, _end: int, _free: int, distance: int) -> int:
    """As ``next_snapshot``, where there is a snapshot at every multiple of ``distance`` only."""
    return step + distance


@register_jitable
def next_in_distance(step: int, end: int, free: int, distance: int) -> int:
    """As ``next_snapshot``, where there is a snapshot at every multiple of ``distance`` too."""
    following = step - step % distance + distance
    return following if following < end else next_snapshot(step, end, free)
