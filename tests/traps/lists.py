"""Lists of arrays whose items are replaced, or written, by an index that a loop counts."""

import numpy as np

from tests.traps.registry import EITHER, REFUSE, trap


def vec(*values):
    return np.array(values, dtype=np.float64)


def x3(n=2):
    return (vec(0.3, 0.7, -0.2), n)


@trap(x3, wrt=(0,))
def layers_replaced_backwards(x, n):
    """Arrays of several lengths, one of them held by another name that writes it."""
    ws = [x, x[:2] * 2, x[1:] ** 2]
    held = ws[1]
    for k in reversed(range(3)):
        ws[k] = ws[k] * ws[0][0]
        held[0] += ws[k][1]
    return ws[0].sum() + ws[1].sum() * ws[2].sum() + held.sum()


@trap(x3, wrt=(0,))
def replaced_until_a_break(x, n):
    """What is replaced hangs on the elements."""
    ws = [x * 1.0, x * 2.0, x * 3.0]
    for k in range(3):
        if ws[k][0] > 0.5:
            break
        ws[k] = ws[k] * 10
    return ws[0] @ ws[1] + ws[2].sum()


@trap(x3, wrt=(0,))
def replaced_in_a_loop_of_a_loop(x, n):
    """The inner loop is written out, the outer one is not."""
    ws = [x * 1.0, x * 2.0]
    for _ in range(n):
        for k in range(2):
            ws[k] = ws[1 - k] * x[0] + ws[k]
    return ws[0] @ ws[1]


@trap(lambda: x3(3), wrt=(0,))
def replaced_by_a_remainder(x, n):
    """Which array is replaced is known at run time only, counted from the end too."""
    ws = [x * 1.0, x * 2.0, x[::-1]]
    first = ws[0]
    for t in range(n):
        ws[t % 2 - 2] = ws[t % 3] * x + first
    return ws[0] @ ws[1] * ws[2][0]


@trap(x3, wrt=(0,))
def replaced_by_an_array_that_is_written(x, n):
    """The list holds the array, not a copy of it."""
    ws = [x * 1.0, x * 2.0]
    u = x * x
    for t in range(n):
        ws[(t + 1) % 2] = u
        u[t] *= x[2]
        ws[t % 2][1] += u[0]
    return ws[0] @ ws[1] + u.sum()


@trap(x3, wrt=(0,))
def swapped(x, n):
    """Two items change places."""
    ws = [x * 1.0, x * x, np.sin(x)]
    for t in range(n):
        ws[t], ws[t + 1] = ws[t + 1], ws[t]
        ws[t][0] *= x[1]
    return ws[0] @ ws[1] + ws[2][0]


@trap(x3, wrt=(0,))
def replaced_while_rows_are_written(x, n):
    """A loop over rows reads them as they are when their turn comes."""
    rows = x.reshape(3, 1) * np.ones((3, 1))
    ws = [x * 1.0, x * 2.0, x * 3.0]
    for k, v in enumerate(rows):
        ws[k] = ws[k] * v[0]
        rows[2] = 7.0 * x[0] * v
    return ws[0] @ ws[1] + ws[2].sum()


@trap(lambda: (vec(0.3, 0.7, -0.2, 0.5, 0.6), 2), wrt=(0,))
def levels_of_a_hierarchy(x, n):
    """Arrays of several lengths, made in a loop of a known number, written through the list."""
    levels, m, us = 3, x.size, [x]
    for _ in range(levels - 1):
        m = (m + 1) // 2
        us.append(np.zeros(m))
    for _ in range(n):
        for k in range(levels - 1):
            us[k + 1][:] = us[k][::2] * us[k + 1][0] + us[k][0]
            us[k][0] *= 0.9
        us[-1][:] *= us[0][: us[-1].size]
    return us[2].sum() + us[0].sum()


@trap(x3, wrt=(0,))
def appended_and_written(x, n):
    """Each array is written after it is appended."""
    count, us = 2, []
    for k in range(count):
        u = x * (k + 1)
        us.append(u)
        u[0] = us[0][1] * 3
    return us[0] @ us[1]


@trap(x3, wrt=(0,), policy=EITHER)
def appended_in_loops_of_which_one_is_known(x, n):
    """How many arrays there are is not known."""
    hist = []
    for t in range(2):
        for _ in range(n):
            hist.append(x * (t + 1))
    hist[0][0] = 5.0
    return hist[1][0] + hist[0].sum() * hist[3][1]


def _made(v):
    return [v]


@trap(lambda: (0.5, 3), wrt=(0,))
def lists_made_by_comprehensions(x, n):
    """Each round makes a list of its own, each of which grows on its own."""
    ms = [_made(x * k) for k in range(3)]
    ps = [[[] for _ in range(2)] for _ in range(2)]
    for i in range(n):
        ms[0].append(x * i)
        ms[2].append(x)
        ps[0][1].append(x * x)
        ps[1][1].append(x * 3)
    s = sum(ms[1]) * x + sum(ms[0]) + sum(ms[2]) * len(ps[0][0])
    return s + sum(ps[0][1]) * sum(ps[1][1]) * len(ps[1])


@trap(lambda: (vec(0.3, 0.7, -0.2, 0.9, 0.5), np.array([0, 2, 1, 2, 0]), 3), wrt=(0,))
def cells_filled_by_a_run_time_index(x, where, n):
    """Numbers go into one of several lists, counted from either end, and are read from them."""
    cells = [[] for _ in range(3)]
    for i in range(x.size):
        cells[where[i] - 3].append(x[i] * x[0])
    s = 0.0
    for k in range(n):
        for j, v in enumerate(cells[k]):
            s += v * v * (j + 1) * len(cells[where[k]])
        if len(cells[k]) > 1:
            s *= cells[k][-1] + sum(cells[k - 1])
    return s + len(cells[0])


@trap(lambda: (vec(0.3, 0.7, -0.2), 2), wrt=(0,))
def cells_of_arrays(x, n):
    """Arrays go into one of two lists, which starts with one, and are read again as they were."""
    a, b = [x * 1.0], []
    cells = (a, b)
    for i in range(3):
        cells[i % n].append(x * cells[0][-1][i])
    x = x * x
    a.append(x)
    return sum(u[1] for u in cells[n - 2]) * cells[n - 1][0][2] + a[-1][0] * len(b)


@trap(lambda: (vec(0.3, 0.7, -0.2), 2), wrt=(0,))
def cells_extended_and_cleared(x, n):
    """One of the lists is extended by itself, or emptied."""
    cells = [[x[0]], [x[1], x[2]], [1.0]]
    for k in range(n):
        cells[k].extend([x[k], x[k] * cells[k][0]])
        cells[k + 1].append(cells[k][-1] * x[2])
        cells[2 - k].clear()
        cells[2 - k].append(x[1])
    return sum(cells[0]) + 2.0 * sum(cells[1]) * sum(cells[n])


@trap(lambda: (vec(0.3, 0.7, -0.2), 2), wrt=(0,), policy=REFUSE)
def a_cell_by_another_name(x, n):
    """The name would see what is appended afterwards."""
    cells = [[], []]
    for k in range(n):
        cells[k].append(x[k])
    row = cells[n - 1]
    cells[n - 1].append(x[2])
    return sum(row)


@trap(lambda: (vec(0.3, 0.7, -0.2), 2), wrt=(0,), policy=EITHER)
def a_cell_that_grows_while_it_is_read(x, n):
    """Python's loop sees what it appends."""
    cells = [[x[0]], [x[1]]]
    s = 0.0
    for k in range(n):
        for v in cells[k]:
            s += v
            if len(cells[1 - k]) < 3:
                cells[1 - k].append(v * x[2])
            if len(cells[k]) < 4:
                cells[k].append(v * v)
    return s


@trap(lambda: (vec(0.3, 0.7, -0.2), 2), wrt=(0,), policy=EITHER)
def a_cell_given_to_a_function(x, n):
    """The function would change the list of its caller."""
    cells = [[x[0]], [x[1]]]

    def grow(cell, v):
        cell.append(v)
        return sum(cell)

    s = 0.0
    for k in range(n):
        s += grow(cells[k], x[2] * x[k])
    return s * sum(cells[0])


@trap(lambda: (0.5, 3), wrt=(0,), policy=EITHER)
def one_of_two_lists_seen_after_a_change(x, n):
    """A name is one of two lists, and the one that it is is changed by its own name."""
    a, b = [x], [2 * x]
    row = a if n < 2 else b
    b[0] = 5.0 * x * x
    return row[0]


@trap(lambda: (0.5, 3), wrt=(0,), policy=EITHER)
def one_of_two_lists_after_a_loop(x, n):
    """A loop makes a name another list, whose items are in the same places."""
    a, b = [x], [2 * x]
    row = a
    for _ in range(n):
        row = b
    b.append(x * x)
    return row[-1] * a[0]


@trap(lambda: (0.5, 3), wrt=(0,), policy=EITHER)
def one_of_two_lists_in_a_dict(x, n):
    """The dict's list was that of the name, before the loop."""
    a = [x, x * x]
    d = {"l": a}
    for k in range(n):
        d["l"] = [a[0] * k, x]
        a = [x, a[1]]
    d["l"][0] = 2.0
    return d["l"][1] * a[0]


@trap(lambda: (0.5, 3), wrt=(0,), policy=EITHER)
def one_of_two_lists_changed_by_its_name(x, n):
    """Lists change places, and the one that a name has then is written."""
    a, b = [x, x * x], [2 * x, x]
    row = a
    for _ in range(n):
        row[0] = row[0] * x
        row, b = b, row
    return row[0] + b[0] * x + a[0]


@trap(lambda: (0.5, 3), wrt=(0,))
def a_list_made_anew_in_a_loop(x, n):
    """The list of the last round is changed after the loop, under its only name."""
    y = [x, x * x]
    for _ in range(n):
        k = [y[1], -y[0]]
        y = [y[i] + 0.1 * k[i] for i in range(2)]
        y[1] *= 0.9
    y[0] *= 2
    return y[0] * y[1]
