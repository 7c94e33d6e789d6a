"""Columns that one sweep can serve together: colours of the columns of a sparse matrix.

Two columns may share a colour if no row has an entry in both: then an entry of their sum belongs to
one of them. For a symmetric matrix it is enough that of each entry (i, j) and its mirror image one
can be read from the sums (Coleman and Moré 1984): a star colouring, in which every path of four
vertices has three colours or more (Gebremedhin, Manne and Pothen, *What color is your Jacobian?*,
SIAM Review 47, 2005, algorithm 4.1). Both are greedy. Patterns are given by rows, as in
``scipy.sparse``: the columns of row i are ``indices[indptr[i]:indptr[i + 1]]``.

>>> indptr, indices = np.array([0, 2, 5, 7]), np.array([0, 1, 0, 1, 2, 1, 2])
>>> columns_apart(indptr, indices, indptr, indices, np.arange(3))
array([0, 1, 2])

These functions are plain loops that Numba compiles, and the module is compiled as a whole.
"""

import numpy as np


def reached(table, count, inputs, outputs):
    """The inputs in each of the sets ``outputs``, by rows, from the table of ``union``.

    Sets of more than 4 members are followed to those that they join, each once for each output.
    """
    indptr = np.zeros(outputs.size + 1, np.int64)
    indices = np.empty(4 * outputs.size + 16, np.int32)
    seen = np.full(count, -1, np.int64)
    pending = np.empty(count + 2, np.int64)
    size = 0
    for row in range(outputs.size):
        start = size
        top = 0
        if outputs[row] > 0:
            pending[0] = outputs[row]
            top = 1
        while top > 0:
            top -= 1
            k = pending[top]
            if seen[k] == row:
                continue
            seen[k] = row
            if table[k, 2] < 0:
                for part in range(2):
                    if seen[table[k, part]] != row:
                        pending[top] = table[k, part]
                        top += 1
                continue
            if size + 4 > indices.size:
                longer = np.empty(2 * indices.size, np.int32)
                for i in range(size):
                    longer[i] = indices[i]
                indices = longer
            for i in range(2, 6):
                member = table[k, i]
                if member > 0 and (k <= inputs or seen[member] != row):
                    seen[member] = row
                    indices[size] = member - 1
                    size += 1
        if size - start > 32:
            indices[start:size].sort()
        else:
            for a in range(start + 1, size):
                member, b = indices[a], a
                while b > start and indices[b - 1] > member:
                    indices[b] = indices[b - 1]
                    b -= 1
                indices[b] = member
        indptr[row + 1] = size
    return indptr, indices[:size].copy()


def columns_apart(indptr, indices, rows_indptr, rows, order):
    """Colours of columns, no two of which in one row share one; ``rows`` are those of each column.

    Columns are coloured in the given order, each with the least colour that is free. A column
    without entries gets -1.
    """
    colours = np.full(order.size, -1, np.int64)
    taken = np.full(order.size + 1, -1, np.int64)
    for j in order:
        for a in range(rows_indptr[j], rows_indptr[j + 1]):
            i = rows[a]
            for b in range(indptr[i], indptr[i + 1]):
                colour = colours[indices[b]]
                if colour >= 0:
                    taken[colour] = j
        if rows_indptr[j] < rows_indptr[j + 1]:
            colour = 0
            while taken[colour] == j:
                colour += 1
            colours[j] = colour
    return colours


def star(indptr, indices, order, is_hub):
    """A star colouring of a symmetric matrix; a column without entries gets -1.

    Each hub has a colour of its own, so that no path through it can have two colours only.
    """
    colours = np.full(order.size, -1, np.int64)
    taken = np.full(order.size + 1, -1, np.int64)
    first = 0
    for v in order:
        if is_hub[v]:
            colours[v] = first
            first += 1
    for v in order:
        if is_hub[v] or indptr[v] == indptr[v + 1]:
            continue
        for a in range(indptr[v], indptr[v + 1]):
            w = indices[a]
            if w == v or is_hub[w]:
                continue
            if colours[w] >= 0:
                taken[colours[w]] = v
            for b in range(indptr[w], indptr[w + 1]):
                x = indices[b]
                if (x == v) | (x == w) or is_hub[x] or colours[x] < 0:
                    continue
                if colours[w] < 0:
                    taken[colours[x]] = v
                    continue
                for c in range(indptr[x], indptr[x + 1]):
                    y = indices[c]
                    if colours[y] == colours[w] and (y != w) & (y != x):
                        taken[colours[x]] = v
                        break
        colour = first
        while taken[colour] == v:
            colour += 1
        colours[v] = colour
    return colours


def places_of_star(indptr, indices, colours, count):
    """Where the entries of a symmetric matrix are found in its product with the colours.

    The product has a row for each row of the matrix and ``count`` columns; -1 stands for an entry
    that cannot be read, which no star colouring has.
    """
    places = np.full(indices.size, -1, np.int64)
    many = np.zeros(count, np.int64)
    for i in range(colours.size):
        for a in range(indptr[i], indptr[i + 1]):
            many[colours[indices[a]]] += 1
        for a in range(indptr[i], indptr[i + 1]):
            colour = colours[indices[a]]
            if many[colour] == 1:
                places[a] = i * count + colour
        for a in range(indptr[i], indptr[i + 1]):
            many[colours[indices[a]]] = 0
    for i in range(colours.size):
        for a in range(indptr[i], indptr[i + 1]):
            j = indices[a]
            if places[a] >= 0:
                continue
            alone = 0
            for b in range(indptr[j], indptr[j + 1]):
                alone += colours[indices[b]] == colours[i]
            if alone == 1:
                places[a] = j * count + colours[i]
    return places
