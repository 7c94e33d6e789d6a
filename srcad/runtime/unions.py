"""Sets of inputs, as numbers: what each value of a program depends on."""

import numpy as np
from numba.extending import register_jitable


@register_jitable
def union(unions: tuple[np.ndarray, np.ndarray], a: int, b: int) -> int:
    """The number of the union of the sets a and b of inputs, 0 being the empty set.

    ``unions`` is ``(table: int32[:, 6], mark: int64[::1])``, ``mark[0]`` the next number. Row k of
    the table says what set k is: the two sets that it joins and, if it has at most 4 members, these
    in ascending order and zeros after them (-1 in place of the first: it has more). Where the table
    ends only the numbers go on, so that the caller can run again with one that is long enough.
    """
    if a == 0:
        return b
    if b in (0, a):
        return a
    table, mark = unions
    number = mark[0]
    size = 5
    if number < table.shape[0]:
        if table[a, 0] == b or table[a, 1] == b:
            return a
        if table[b, 0] == a or table[b, 1] == a:
            return b
        if table[a, 2] > 0 and table[b, 2] > 0:
            i, j, size = 2, 2, 0
            while size < 5:
                x = table[a, i] if i < 6 else 0
                y = table[b, j] if j < 6 else 0
                if x == 0 and y == 0:
                    break
                least = x if y == 0 or 0 < x <= y else y
                if size < 4:
                    table[number, 2 + size] = least
                size += 1
                i += least == x
                j += least == y
            if size == i - 2:  # all of b is in a
                return a
            if size == j - 2:
                return b
        for k in range(size, 4):
            table[number, 2 + k] = 0
        if size == 5:
            table[number, 2] = -1
        table[number, 0], table[number, 1] = a, b
    mark[0] = number + 1
    return number
