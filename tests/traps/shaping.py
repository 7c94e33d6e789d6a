"""Loops that look as if they could be reordered, gathered or summed elsewhere, and nearly can."""

import math

import numpy as np

from tests.traps.registry import EITHER, trap


def vec(*values):
    return np.array(values, dtype=np.float64)


X = (0.3, 0.5, -0.9, 0.2, 0.7)


@trap(lambda: (vec(*X), 0))
def a_stencil_of_no_points(x, n):
    """The range is empty: no neighbour may be touched."""
    s = x[0]
    for i in range(1, n - 1):
        s += x[i - 1] * x[i + 1] - 2.0 * x[i]
    y = x * 1.0
    for i in range(1, n - 1):
        y[i] = x[i - 1] - 2.0 * x[i] + x[i + 1]
    return s + np.sum(y * y)


@trap(lambda: (vec(), vec(0.4)), wrt=(0, 1))
def a_stencil_of_an_empty_array(x, w):
    """Arrays of no elements and of one."""
    y = np.zeros_like(x)
    for i in range(x.size - 2):
        y[i] = x[i] * x[i + 2]
    z = np.zeros_like(w)
    for i in range(1, w.size - 1):
        z[i] = w[i - 1] * w[i + 1]
    return np.sum(y) + np.sum(z) + w[0] ** 2


@trap(lambda: (vec(*X),))
def a_ring(x):
    """The index i - 1 begins at -1, the last element."""
    y = np.zeros_like(x)
    for i in range(x.size):
        y[i] = math.sin(x[i]) * x[i - 1]
    return np.sum(y * y)


@trap(lambda: (vec(*X),))
def a_negative_range(x):
    """A counter that is negative throughout meets the same elements twice."""
    y = np.zeros_like(x)
    for i in range(-3, 2):
        y[i] += x[i] * x[i + 1]
    return np.sum(y * y)


@trap(lambda: (vec(*X),))
def steps_of_the_stencil(x):
    """Its rows get longer from one step to the next."""
    y = x * 1.0
    for m in range(2, x.size):
        z = y * 1.0
        for i in range(1, m):
            z[i] = y[i - 1] * y[i] + 0.5 * y[i + 1]
        y = z
    return np.sum(y * y)


@trap(lambda: (vec(*X),))
def rows_that_start_later(x):
    """The range has another start in each step."""
    y = x * 1.0
    z = np.zeros_like(x)
    for m in range(1, x.size - 1):
        for i in range(m, x.size - 1):
            z[i] += y[i - 1] * y[i + 1] - y[i]
    return np.sum(z * z * y)


@trap(lambda: (np.arange(12.0).reshape(3, 4) / 7.0,))
def rows_of_one_matrix(a):
    """Neighbours above, below and beside, in one statement."""
    b = np.zeros_like(a)
    for i in range(1, 2):
        for j in range(1, 3):
            b[i, j] = a[i - 1, j] * a[i + 1, j] + a[i, j - 1] * a[i, j + 1] - a[i, j] ** 3
    return np.sum(b * b)


@trap(lambda: (vec(*X),))
def gauss_seidel(x):
    """In place, each element from one that was just written: no iteration can move."""
    for _ in range(2):
        for i in range(1, x.size - 1):
            x[i] = 0.5 * math.sin(x[i - 1]) + 0.3 * x[i + 1] * x[i]
    return np.sum(x * x)


@trap(lambda: (vec(*X),))
def a_branch_in_the_stencil(x):
    """What goes to a neighbour depends on a sign."""
    y = np.zeros_like(x)
    for i in range(1, x.size - 1):
        if x[i] > 0.25:
            y[i] = x[i] * (x[i] - x[i - 1])
        else:
            y[i] = x[i] * (x[i + 1] - x[i])
    return np.sum(y * y)


@trap(lambda: (vec(*X),))
def neighbours_if_there_are_any(x):
    """The ends have one neighbour: what goes to the other would be out of bounds."""
    force = np.zeros_like(x)
    for i in range(x.size):
        force[i] = -(x[i] ** 3)
        if i + 1 < x.size:
            force[i] += 2.0 * (x[i + 1] - x[i])
        if i > 0:
            force[i] -= 3.0 * (x[i] - x[i - 1])
    return np.sum(force * force)


@trap(lambda: (np.arange(12.0).reshape(3, 4) / 7.0,))
def rows_if_there_are_any(a):
    """The first and the last row have no row above or below."""
    b = a * 1.0
    for i in range(3):
        for j in range(1, 3):
            b[i, j] = a[i, j - 1] * a[i, j + 1]
            if i > 0:
                b[i, j] -= a[i - 1, j] ** 2
            if i < 2:
                b[i, j] += a[i + 1, j] ** 2
    return np.sum(b * b)


@trap(lambda: (vec(*X), 3))
def a_sum_into_one_element(x, k):
    """Into x[k], while the loop also passes x[k]."""
    y = x * 1.0
    for i in range(x.size):
        y[k] += x[i] * y[i]
    return np.sum(y * y)


@trap(lambda: (vec(*X), 3))
def a_sum_of_those_before(x, k):
    """Into x[k] from those below k: the element itself is not met."""
    for i in range(k):
        x[k] += x[i] * x[i] * x[0]
    return x[k] * x[k]


@trap(lambda: (vec(*X), 3))
def a_sum_of_those_up_to(x, k):
    """Into x[k] from those up to k: the last term is the sum itself."""
    for i in range(k + 1):
        x[k] += 0.5 * x[i] * x[0]
    return x[k] * x[k]


@trap(lambda: (vec(*X), 1))
def a_sum_from_the_end(x, k):
    """The loop runs backward, and may have no iteration."""
    y = x * 1.0
    for m in range(3):
        for i in range(x.size - 1, m + 1, -1):
            y[k] += x[i] * x[m]
        for i in range(m, 0, -2):
            y[m] += x[i] * x[k] * y[0]
    return np.sum(y * y * x)


@trap(lambda: (vec(*X), 0, 9))
def a_sum_without_terms(x, n, k):
    """No iteration: the element need not exist."""
    for i in range(n):
        x[k] += x[i] ** 2
    return np.sum(x * x)


@trap(lambda: (vec(*X), np.array([0, 2, 4, 1]), 0), policy=EITHER)
def a_sum_without_terms_then_divided(x, place, n):
    """The element is looked up; it is divided after a loop without iterations."""
    for m in range(place.size):
        k = place[m]
        for i in range(n):
            x[k] += x[i] ** 2
        x[k] /= 1.0 + x[0] * x[0]
    return np.sum(x * x)


@trap(lambda: (vec(*X), np.array([0, 2, 99, 1])))
def a_sum_if_there_is_an_element(x, place):
    """Whether the index is one is tested in the loop."""
    for m in range(place.size):
        k = place[m]
        for i in range(3):
            if k < x.size:
                x[k] += x[3] * x[4] * i
    return np.sum(x * x)


@trap(lambda: (vec(*X),))
def a_sum_through_another_name(x):
    """y is a view of x that has the element."""
    y = x[1:4]
    for i in range(3):
        x[2] += x[0] * y[i]
    return np.sum(x * x)


@trap(lambda: (np.arange(1.0, 10.0).reshape(3, 3) / 5.0 + np.eye(3),))
def cholesky_in_place(a):
    """Sums into a[i, j] of products of its row and another."""
    a = a + a.T
    for j in range(3):
        for k in range(j):
            a[j, j] -= a[j, k] ** 2
        a[j, j] = math.sqrt(a[j, j])
        for i in range(j + 1, 3):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    return a[0, 0] * a[1, 0] + a[2, 1] + a[2, 2] ** 2


@trap(lambda: (vec(*X),))
def a_work_array(x):
    """Filled anew by each iteration before it is read."""
    w = np.zeros(x.size)
    s = 0.0
    for i in range(3):
        for j in range(x.size):
            w[j] = math.sin(x[j] * (i + 1))
        for j in range(1, x.size):
            w[j] += w[j - 1] * x[i]
        s += w[-1] * w[2]
    return s


@trap(lambda: (vec(*X),))
def a_work_array_not_filled(x):
    """Its first element is left as it was: state from one iteration to the next."""
    w = np.ones(x.size)
    s = 0.0
    for i in range(3):
        for j in range(1, x.size):
            w[j] = math.sin(x[j] * w[0])
        w[0] += w[1] * x[i]
        s += w[0] * w[2]
    return s


@trap(lambda: (vec(*X),))
def a_work_array_read_first(x):
    """Each iteration reads what the one before it left."""
    w = np.zeros(x.size)
    s = 0.0
    for i in range(3):
        s += w[2] * x[i]
        for j in range(x.size):
            w[j] = math.sin(x[j] + s)
    return s


@trap(lambda: (vec(*X),))
def a_work_array_read_afterwards(x):
    """The last iteration's contents are the result."""
    w = np.zeros(x.size)
    for i in range(3):
        for j in range(x.size):
            w[j] = x[j] ** 2 * (i + 1)
    return np.sum(w * x)


@trap(lambda: (vec(*X),))
def counters_that_go_along(x):
    """A place in a packed triangle, counted through nested loops, some of them empty."""
    p = 0
    s = 0.0
    for i in range(3):
        for j in range(i):
            s += x[p] * x[j] * s + x[p]
            p += 1
        if x[i] > 0.4:
            p += 1
    return s * x[p]


@trap(lambda: (vec(*X),))
def a_counter_that_bounds_its_loop(x):
    """The range is fixed before its iterations count on."""
    p = 1
    s = x[0]
    for i in range(2):
        for j in range(p):
            s += x[j] * s * x[i]
            p += 1
        s *= x[p % 5]
    return s


@trap(lambda: (vec(*X),))
def a_counter_that_is_set(x):
    """Counted in one loop, set in the loop around it, read after both."""
    p = 0
    s = x[0]
    for i in range(3):
        p = i
        while s < 2.0 and p < 4:
            s += x[p] ** 2 * s
            p += 2
        s *= 1.0 + 0.1 * p
    return s * x[p - 3]


@trap(lambda: (vec(*X), 0.1))
def a_new_array_in_each_step(x, h):
    """x names another array after each step; what was read of the old one is as it was."""
    for _ in range(3):
        k = np.sin(x) * x[::-1]
        y = x + h * k
        y[0] = y[0] * k[1]
        z = x[1] + y[2]
        x = y
        x = x * (2.0 + z)
    return np.sum(x * x)


@trap(lambda: (vec(*X), 0.1))
def a_new_array_written_late(x, h):
    """The new array is written once more after x denotes it."""
    for _ in range(3):
        y = x * x
        x = y
        y[1] += h * x[0]
        x[2] = x[1] * y[3]
    return np.sum(x * x)


@trap(lambda: (vec(*X),), policy=EITHER)
def a_new_array_with_a_view(x):
    """A view of the new array is written through."""
    for _ in range(3):
        y = np.sin(x)
        v = y[1:]
        x = y
        v[0] = x[0] * x[3]
    return np.sum(x * x)


@trap(lambda: (vec(*X), vec(0.4, 0.1, 0.6, 0.9, 0.2), 3))
def three_buffers(u, k, n):
    """Leapfrog: three names take turns with three arrays."""
    old, now, new = u * 0.5, u * 1.0, np.zeros_like(u)
    for _ in range(n):
        for i in range(1, u.size - 1):
            new[i] = 2.0 * now[i] - old[i] + k[i] * (now[i + 1] - 2.0 * now[i] + now[i - 1])
        old, now, new = now, new, old
    return np.sum(now * now)


@trap(lambda: (vec(*X), vec(0.4, 0.1, 0.6, 0.9, 0.2), 3))
def buffers_that_are_one(u, k, n):
    """Two names that take turns denote one array from the start."""
    now = u * 1.0
    new = now
    for _ in range(n):
        for i in range(1, u.size - 1):
            new[i] = now[i] + k[i] * (now[i + 1] - now[i - 1])
        now, new = new, now
    return np.sum(now * new)
