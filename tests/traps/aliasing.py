"""Names that share memory, names that change hands, and views in all directions."""
# ruff: noqa: SIM108

from collections import namedtuple

import numpy as np

from tests.traps.registry import REFUSE, scenario, trap

Pair = namedtuple("Pair", "left right")

W222 = np.arange(1.0, 9.0).reshape(2, 2, 2)
W33 = np.arange(1.0, 10.0).reshape(3, 3)
W4 = np.arange(1.0, 5.0)


def vec(*values):
    return np.array(values, dtype=np.float64)


def x4():
    return (vec(0.7, -1.3, 2.1, 0.4),)


def m23():
    return (np.array([[0.5, -0.8, 1.1], [1.4, 0.3, -0.6]]),)


def m33():
    return (np.array([[0.5, -0.8, 1.1], [1.4, 0.3, -0.6], [0.9, -1.2, 0.2]]),)


@trap(x4, jit=True)
def swap_two(x):
    """Two buffers change names in each step and both are read at the end."""
    a = x.copy()
    b = x * x
    for k in range(3):
        a[k] = b[k + 1] * a[0]
        a, b = b, a
    return (a * a).sum() + 3.0 * b[1]


@trap(x4)
def swap_even_steps(x):
    """After an even number of swaps the names are where they were, the contents are not."""
    a = x.copy()
    b = np.zeros(4)
    for k in range(4):
        for i in range(4):
            b[i] = np.sin(a[i]) + 0.5 * b[i]
        a, b = b, a
    return (a * W4).sum() + b[2]


@trap(x4, jit=True)
def rotate_three(x):
    """Three buffers rotate; each step reads two and writes the third."""
    a = x.copy()
    b = 2.0 * x
    c = np.zeros_like(x)
    for k in range(5):
        for i in range(4):
            c[i] = a[i] * b[3 - i] + 0.1 * k
        a, b, c = b, c, a
    return a[0] + 2.0 * b[1] * b[1] + 3.0 * c[2]


@trap(x4)
def rotate_in_branch(x):
    """Buffers rotate in some iterations only, which the data decide."""
    a = x.copy()
    b = x[::-1].copy()
    for i in range(4):
        b[i] = a[i] * b[i]
        if b[i] > 0.0:
            a, b = b, a
    return (a * a * a).sum() - b[3] * b[0]


@trap(m23)
def swap_rows_by_view(a):
    """The names of two views are exchanged; no element moves."""
    a = a * 1.0
    p = a[0]
    q = a[1]
    p, q = q, p
    p[1] = 5.0 * q[2]
    q[0] *= p[1]
    return (a * a).sum() + p[0] * q[1]


@trap(m23)
def swap_rows_by_assignment(a):
    """The tuple swap of rows does not swap: both rows end as the old second one."""
    a = a.copy()
    a[0], a[1] = a[1], a[0]
    return (a[0] * a[0]).sum() + 3.0 * a[1, 1]


@trap(m23, jit=True)
def swap_rows_by_copy(a):
    """The tuple swap of copies of rows does swap."""
    a = a.copy()
    a[0], a[1] = a[1].copy(), a[0].copy()
    return (a[0] * a[0]).sum() + 3.0 * a[1, 1]


@trap(x4)
def swap_elements(x):
    """Elements are swapped in a bubble, as numbers, not as views."""
    x = x.copy()
    for i in range(3):
        if x[i] > x[i + 1]:
            x[i], x[i + 1] = x[i + 1], x[i]
    return x[0] + 2.0 * x[1] * x[1] + 3.0 * x[2] ** 3 + x[3]


@trap(x4)
def swap_view_and_own(x):
    """A view of the first buffer stays with the memory when the names are swapped."""
    a = x.copy()
    b = x * 3.0
    v = a[1:3]
    a, b = b, a
    v[0] = a[0] * a[0]
    v *= 2.0
    return b.sum() + a[1] * v[1]


@trap(x4)
def self_assignment(x):
    """A slice and a name are assigned to themselves."""
    y = x * x
    y = y
    y[:] = y
    y[1:3] = y[1:3]
    y[0] = y[0]
    return (y * y).sum()


@trap(x4, jit=True)
def second_name_is_first(x):
    """Both names of one array are written in turn."""
    a = x.copy()
    b = a
    for i in range(3):
        a[i] = b[i + 1] * a[i]
        b[i + 1] = a[i] + b[i + 1] ** 2
    return a.sum() * b[3]


@trap(x4)
def name_of_old_array(x):
    """The second name keeps the old array when the first is rebound."""
    a = x * 2.0
    old = a
    a = a * a
    old[1] = old[1] * 3.0
    a[1] += old[1]
    return (a * old).sum()


@trap(x4)
def augmented_assignment_keeps_alias(x):
    """`a += ...` writes through, `a = a + ...` does not."""
    a = x.copy()
    b = a
    a += x
    a = a * x
    a += 1.0
    return (a * b).sum() + (b * b).sum()


def _shadow(x):
    t = x * x
    x = t[1:]
    t = x * 2.0
    return (x * t).sum()


@trap(x4)
def shadowed_names(x):
    """Caller and callee use the same names for other things, and rebind them."""
    t = x * 0.5
    y = _shadow(t)
    x = x + t
    return y * t[0] + (x * x).sum()


@trap(x4, jit=True)
def base_after_view(x):
    """The view is made first; then its base is written."""
    a = x * 1.0
    v = a[1:3]
    a[1] = a[0] * a[2]
    a[2] *= v[0]
    return v[0] * 2.0 + v[1] * v[1]


@trap(x4, jit=True)
def view_before_base(x):
    """The view is written; then the base is read."""
    a = x * 1.0
    v = a[1:]
    v[0] = v[1] * x[0]
    v[2] = v[0] * v[0]
    return (a * a).sum()


@trap(x4)
def view_of_view(x):
    """A write through a view of a view shows in every layer."""
    a = x * 2.0
    v = a[1:]
    w = v[1:]
    w[0] = w[1] * v[0]
    v[1] += a[0]
    a[3] = w[0] * w[0]
    return a.sum() + v[2] * w[1]


@trap(x4, jit=True)
def reversed_view_written(x):
    """A view of negative stride is written element by element while the base is read."""
    a = x.copy()
    r = a[::-1]
    for i in range(4):
        r[i] = r[i] * a[i] + 0.3
    return (a * W4).sum()


@trap(x4)
def reversed_view_inplace(x):
    """Whole-array update of an array by its own reversed view."""
    a = x.copy()
    a += a[::-1]
    a[::-1] *= x
    return (a * a * W4).sum()


@trap(lambda: (vec(0.3, 1.2, -0.7, 0.9, 1.5, -0.2, 0.8),))
def strided_reversed_view(x):
    """Stride -3 from the last element, then a view of that one."""
    a = x * x
    v = a[::-3]
    w = v[1:]
    w[0] = v[0] * w[1]
    return (a * x).sum() + v[1]


@trap(m23)
def reshape_written(a):
    """A reshaped view is written through."""
    a = a.copy()
    r = a.reshape(6)
    r[4] = r[0] * r[1]
    r[1:3] *= 2.0
    return (a * a).sum() + a[1, 1] * r[2]


@trap(m23)
def reshape_minus_one(a):
    """reshape(-1, 2) of a contiguous array is a view."""
    a = a.copy()
    r = a.reshape(-1, 2)
    r[1, 0] = r[2, 1] * a[0, 0]
    a[1, 0] = a[1, 0] * r[1, 1]
    return (r * r).sum() + a[0, 2]


@trap(m23)
def ravel_written(a):
    """ravel of a contiguous array is a view."""
    a = a.copy()
    r = a.ravel()
    r[0] = r[5] * r[5]
    a[1, 2] = 3.0 * r[0]
    return (a * a).sum() + r[3]


@trap(m23)
def ravel_of_transpose_is_copy(a):
    """ravel of a transpose is a copy: the write is not seen by the base."""
    a = a.copy()
    r = a.T.ravel()
    r[0] = r[1] * 10.0
    a[0, 1] = 7.0 * a[1, 0]
    return (a * a).sum() + r[0] * r[2]


@trap(m23)
def flatten_is_copy(a):
    """flatten always copies."""
    a = a.copy()
    r = a.flatten()
    a[0, 0] = a[0, 1] * a[0, 2]
    r[1] *= 4.0
    return r[0] * r[1] + (a * a).sum()


@trap(m23, jit=True)
def transpose_written(a):
    """A transpose is written through, row by row."""
    a = a.copy()
    t = a.T
    t[2] = t[0] * t[1]
    t[0, 1] *= a[0, 2]
    return (a * a).sum() + t[1, 1]


@trap(m33)
def transpose_overlap(a):
    """a += a.T: the right side overlaps the left one crosswise."""
    a = a.copy()
    a += a.T
    a[1:, :2] -= 0.5 * a[:2, 1:].T
    return (a * a * W33).sum()


@trap(m33)
def transpose_assigned(a):
    """a[...] = a.T: in place, from itself."""
    a = a * 1.0
    a[...] = a.T
    return a[0, 1] * 2.0 + a[2, 0] ** 2 * a[1, 2]


@trap(x4)
def newaxis_view_written(x):
    """A view with a new axis is written through."""
    a = x.copy()
    c = a[:, np.newaxis]
    c[1, 0] = c[0, 0] * c[2, 0]
    a[3] *= c[1, 0]
    return (c * a[np.newaxis, :]).sum() + c[3, 0]


@trap(x4)
def none_axis_row(x):
    """x[None] written through, and the outer product of both views."""
    a = x * 2.0
    r = a[None, :]
    r[0, 1:] = r[0, :3] * 3.0
    return (a[:, None] * r)[1:, :2].sum()


@trap(x4)
def alias_in_tuple(x):
    """A tuple holds the array, not its contents."""
    a = x.copy()
    t = (a, 2.0)
    a[0] = a[1] * a[2]
    t[0][1] = a[0] * t[1]
    return (t[0] * a).sum()


@trap(x4)
def alias_in_list(x):
    """A list holds the same array twice."""
    a = x.copy()
    both = [a, a]
    both[0][0] = both[1][1] * 2.0
    both[1][1] = both[0][0] * both[0][0]
    return (both[0] * both[1]).sum()


@trap(x4)
def alias_in_namedtuple(x):
    """Fields of a namedtuple share memory."""
    a = x.copy()
    p = Pair(a, a[1:])
    p.right[0] = p.left[0] * p.left[3]
    p.left[2] *= p.right[0]
    return (p.left * p.left).sum() + p.right[2]


@trap(x4)
def alias_by_unpacking(x):
    """Unpacking a tuple makes names, not copies."""
    t = (x.copy(), x * x)
    a, b = t
    a[1] = b[1] * b[2]
    b[2] = a[1] * a[0]
    return (t[0] * t[1]).sum()


@trap(lambda: ([vec(0.7, -1.3), vec(0.4, 0.9, 1.1)],))
def list_member_rebound(xs):
    """A list member is taken out, rebound, and the member is read again."""
    a = xs[0]
    a = a * a
    a[0] = 3.0 * xs[0][1]
    return a.sum() * xs[0][0] + xs[1][2] * xs[1][0]


def _mix(a, b):
    a[0] = b[1] * b[1]
    b[1] = a[0] * a[2]
    return a[0] + b[1]


@trap(x4, jit=True)
def same_array_twice(x):
    """A helper is given one array under two names and writes both."""
    a = x * 1.0
    r = _mix(a, a)
    return r * a[1] + (a * a).sum()


@trap(x4)
def overlapping_views_to_helper(x):
    """A helper is given two overlapping views of one array."""
    a = x * 1.0
    r = _mix(a[:3], a[1:])
    return r * a[1] + (a * a).sum()


@trap(x4)
def same_array_twice_and_apart(x):
    """The helper is called with one array twice and then with two arrays."""
    a = x * 1.0
    b = x * x
    r = _mix(a, a) + _mix(a, b) + _mix(b, a)
    return r + (a * b).sum()


def _same(a):
    return a


@trap(x4)
def helper_returns_argument(x):
    """The result of the helper is its argument, not a copy."""
    a = x.copy()
    b = _same(a)
    b[0] = a[1] * a[1]
    a[1] = b[0] * 3.0
    return (a * b).sum()


def _keep(a):
    return (a, a[1:], a.sum())


@trap(x4)
def helper_keeps_argument(x):
    """The helper returns a tuple with its argument and a view of it."""
    a = x.copy()
    b, v, s = _keep(a)
    v[0] = s * b[0]
    b[3] *= v[0]
    return (a * a).sum() + s


def _either(a, b, c):
    if c > 0.0:
        return a
    return b


@trap(lambda: (vec(0.7, 1.3), vec(0.2, -0.4)), wrt=(0, 1))
def helper_returns_one_of_two(x, y):
    """Which argument the helper returns is known at run time only."""
    a = x.copy()
    b = y.copy()
    c = _either(a, b, a[0] - 1.0)
    c[0] = 3.0 * c[1] * a[1]
    return (a * a).sum() + (b * b * b).sum()


@trap(lambda: (vec(0.7, 1.3, -0.2), 0.4), wrt=(0, 1), jit=True)
def rebound_in_branch_then_mutated(x, p):
    """In one branch the name is the same array, in the other a new one."""
    a = x.copy()
    b = a
    if p > 0.0:
        b = a * p
    b[1] = b[0] * b[2]
    return (a * b).sum()


@trap(lambda: (vec(0.7, 1.3, -0.2), -0.4), wrt=(0, 1))
def rebound_in_branch_not_taken(x, p):
    """The same with the branch not taken: the write goes to both names."""
    a = x.copy()
    b = a
    if p > 0.0:
        b = a * p
    b[1] = b[0] * b[2]
    return (a * b).sum() * p


@trap(lambda: (vec(0.7, 1.3, -0.2), 2))
def view_chosen_in_branch(x, n):
    """The view differs between the branches."""
    a = x * x
    if n > 1:
        v = a[1:]
    else:
        v = a[:2]
    v[0] = v[1] * 3.0
    return (a * x).sum()


@trap(x4)
def view_shrinks(x):
    """A view is replaced by its own tail until nothing is left."""
    a = x.copy()
    v = a
    s = 1.0
    while v.shape[0] > 0:
        v[0] = v[0] * s
        s = s + v[0]
        v = v[1:]
    return s * (a * a).sum()


@trap(x4, jit=True)
def fresh_array_kept(x):
    """An array made in one iteration is used in the next."""
    prev = x * 1.0
    for k in range(3):
        cur = np.zeros(4)
        for i in range(4):
            cur[i] = np.sin(prev[i]) * prev[(i + k) % 4]
        prev = cur
    return (prev * prev).sum()


@trap(x4)
def fresh_array_kept_two_back(x):
    """The arrays of the last two iterations are kept."""
    older = x * 1.0
    old = x * x
    for k in range(4):
        new = old * 0.9 + older[::-1] * 0.2
        older[0] += new[1]
        older = old
        old = new
    return (old * older).sum()


@trap(x4)
def same_fresh_array_kept(x):
    """The kept array is written in the next iteration, through the old name."""
    keep = x * 1.0
    total = 0.0
    for k in range(3):
        t = keep
        keep = t * x
        t[k] = 10.0
        total += t.sum() * keep[k]
    return total


@trap(lambda: ([vec(0.7, -1.3), vec(0.4, 0.9), vec(1.1, 0.2)],))
def list_indexed_by_loop(xs):
    """A list of arrays is indexed by the loop counter, backwards too."""
    s = 0.0
    for i in range(3):
        s += xs[i][0] * xs[2 - i][1] * (i + 1.0)
    return s


@trap(x4)
def local_list_indexed_by_loop(x):
    """A list of arrays of the function's own is written through a computed index."""
    rows = [x[:2].copy(), x[2:].copy(), x[1:3] * 2.0]
    for i in range(3):
        rows[i][0] = rows[(i + 1) % 3][1] * rows[i][0]
    return rows[0][0] + 2.0 * rows[1][0] + 3.0 * rows[2].sum()


@trap(x4)
def list_member_replaced(x):
    """A list member is replaced; an older name keeps the old one."""
    rows = [x * 1.0, x * x]
    first = rows[0]
    rows[0] = rows[1]
    rows[0][2] = first[1] * 4.0
    first[1] = 0.5
    return (rows[1] * first).sum()


@trap(lambda: (vec(0.7, -1.3, 0.4), vec(0.7, -1.3, 0.4)), wrt=(0, 1), jit=True)
def equal_but_distinct(x, y):
    """Two arguments of equal contents are not one array."""
    a = x
    a[1] = y[0] * y[1]
    return (a * y).sum()


def _shared():
    x = vec(0.7, -1.3, 0.4)
    return (x, x)


@trap(_shared, wrt=(0, 1))
def one_array_as_two_arguments(x, y):
    """One array is passed twice and only read: each gradient is partial."""
    return (x * y * y).sum()


@trap(lambda: (np.arange(1.0, 13.0).reshape(3, 4) * 0.1,))
def row_view_in_loop(a):
    """A row view is made in each iteration while another row is written."""
    a = a.copy()
    for i in range(1, 3):
        r = a[i]
        p = a[i - 1]
        r[1:] += p[:-1] * r[:-1]
        p[0] = r[3]
    return (a * a).sum()


@trap(lambda: (np.arange(1.0, 9.0).reshape(2, 2, 2) * 0.3,))
def rows_by_iteration(a):
    """Iterating over an array gives views that can be written."""
    a = a * 1.0
    for m in a:
        for r in m:
            r[0] = r[1] * r[1]
        m[1] += m[0]
    return (a * W222).sum()


@trap(m33)
def diagonal_and_column(a):
    """Column and row views cross in one element."""
    a = a.copy()
    c = a[:, 1]
    r = a[1]
    c[1] = r[0] * c[0]
    r[1] *= c[2]
    c *= r
    return (a * a).sum()


@trap(x4)
def out_of_self(x):
    """An expression of the array is stored into a shifted view of it."""
    a = x.copy()
    a[1:] = a[:-1] * a[1:]
    a[:-1] = a[1:] - a[:-1]
    return (a * W4).sum()


@trap(x4)
def conditional_alias(x):
    """A conditional expression picks one of two arrays; the pick is written."""
    a = x.copy()
    b = x * x
    for k in range(4):
        t = a if a[k] > 0.5 else b
        t[k] = a[k] * b[k] + 1.0
    return (a * b).sum()


@trap(x4)
def asarray_is_the_array(x):
    """np.asarray of an array is the array, np.array is a copy."""
    a = np.asarray(x)
    b = np.array(x)
    a[0] = b[1] * 3.0
    b[2] = a[0]
    return (x * a * b).sum()


@trap(x4)
def ascontiguousarray_is_the_array(x):
    """np.ascontiguousarray of a contiguous array is the array."""
    c = np.ascontiguousarray(x)
    c[1] = x[0] * x[2]
    return (x * c).sum()


@trap(x4)
def asarray_of_local(x):
    """np.asarray of a local array and of a view, with a dtype."""
    a = x * x
    b = np.asarray(a[1:], dtype=np.float64)
    b[0] = a[0] * 2.0
    a[2] *= b[0]
    return (a * x).sum() + b[1]


@trap(x4)
def astype_is_a_copy(x):
    """astype copies, also to the type that it has."""
    a = x.astype(np.float64)
    a[0] = x[1] * 2.0
    x[1] = a[0]
    return (a * x).sum()


@trap(x4)
def functions_that_make_views(x):
    """np.transpose, np.expand_dims and the method are views."""
    a = np.outer(x, x)
    b = np.transpose(a)
    b[0] = a[1] * x
    c = a.transpose()
    c[1, 2] = b[0, 0]
    r = np.expand_dims(x, 0)
    r[0, 1] = x[0] * x[2]
    return (a * a).sum() + (x * r).sum()


@trap(x4)
def flip_is_a_view(x):
    """np.flip is a view; np.roll is a copy."""
    a = x.copy()
    b = np.flip(a)
    b[0] = a[0] * a[1]
    return (a * a * b).sum()


@trap(x4)
def view_kept_while_name_moves(x):
    """A view of the first array is written after the name has moved on."""
    a = x * 1.0
    v = a[:2]
    s = 0.0
    for k in range(2):
        v[k] = v[0] * a[2]
        a = a * a
        s += v.sum() * a[0]
    return s


@trap(x4)
def views_shrink_by_product(x):
    """Each step's array is a product of two views of the last one."""
    s = 0.0
    a = x
    while a.shape[0] > 1:
        a = a[1:] * a[:-1]
        s = s + a[0]
    return s * a[0]


def _tail(a):
    return a[1:]


@trap(x4)
def helper_returns_view(x):
    """A helper's result is a view, of which it makes a view."""
    a = x * 1.0
    v = _tail(a)
    a[2] = 7.0 * a[0]
    w = _tail(v)
    v[2] = w[0] * w[1]
    return (a * a).sum() + w.sum()


def _exchange(p, q):
    p[2] = q[2] * p[0]
    return q, p


@trap(x4)
def helper_swaps(x):
    """A helper writes one array and returns both in exchanged order."""
    a = x * 1.0
    b = x * x
    a, b = _exchange(a, b)
    a[0] = b[1]
    b, a = _exchange(a, b)
    b[1] *= a[0]
    return (a * b).sum()


def _sometimes_copy(a, k):
    if k % 2 == 0:
        return a.copy()
    return a


@trap(x4)
def helper_copies_sometimes(x):
    """A helper returns a copy or the array itself, by the counter."""
    a = x * 1.0
    for k in range(4):
        b = _sometimes_copy(a, k)
        b[0] = b[1] * a[2]
    return (a * a * b).sum()


def _update(v):
    v[1] += v[0] * v[1]
    v = v * 2.0
    v[0] = 100.0


@trap(x4)
def helper_rebinds_a_view(x):
    """A helper writes the view that it is given, and then rebinds the name."""
    a = x * 1.0
    for k in range(3):
        _update(a[k : k + 2])
    return (a * a).sum()


@scenario
def captured_array_changes(srcad):
    """A captured array is mutated, then rebound, between calls."""
    w = vec(1.0, 2.0, 3.0)

    def f(x):
        return (w * x * x).sum()

    for jit in (False, True):
        w = vec(1.0, 2.0, 3.0)
        g = srcad.grad(f, jit=jit)
        x = vec(0.5, -1.0, 2.0)
        np.testing.assert_allclose(g(x), 2 * w * x)
        w[1] = -7.0
        np.testing.assert_allclose(g(x), 2 * w * x)
        w *= 0.5
        np.testing.assert_allclose(g(x), 2 * w * x)
        w = vec(9.0, 8.0, 7.0)
        np.testing.assert_allclose(g(x), 2 * w * x)


@scenario
def result_is_not_shared(srcad):
    """The gradient of one call is not overwritten by the next."""

    def f(x):
        return (x * x).sum()

    g = srcad.grad(f, jit=False)
    first = g(vec(1.0, 2.0))
    second = g(vec(5.0, 6.0))
    np.testing.assert_allclose(first, [2.0, 4.0])
    np.testing.assert_allclose(second, [10.0, 12.0])
    assert not np.shares_memory(first, second)


@scenario
def gradient_does_not_share_the_argument(srcad):
    """The gradient of a linear function is no view of an argument."""

    def f(x, w):
        return (x * w).sum()

    x, w = vec(1.0, 2.0), vec(3.0, 4.0)
    gx, gw = srcad.grad(f, wrt=(0, 1), jit=False)(x, w)
    assert not np.shares_memory(gx, w)
    assert not np.shares_memory(gw, x)
    gx[0] = 100.0
    np.testing.assert_allclose(w, [3.0, 4.0])


@scenario
def overlapping_arguments(srcad):
    """Arguments that overlap are refused if one is written, else the answer is right."""

    def f(x, y):
        x[1] = y[0] * y[1]
        return (x * y).sum()

    base = vec(0.5, -1.0, 2.0)
    try:
        srcad.grad(f, wrt=(0, 1), jit=False)(base[:2], base[1:])
    except srcad.ArgumentValueError:
        pass
    else:
        raise AssertionError("overlapping arguments that are written were accepted")
    np.testing.assert_allclose(base, [0.5, -1.0, 2.0])


@scenario
def results_of_pullback(srcad):
    """Outputs that are one array, an argument, or a view; seeds and outputs are the caller's."""

    def twice(x):
        y = x * x
        return y, y

    (found,) = srcad.vjp(twice, vec(1.0, 2.0), jit=False)[1]((vec(1.0, 0.0), vec(0.0, 1.0)))
    np.testing.assert_allclose(found, [2.0, 4.0])

    def view(x):
        y = x * x
        v = y[1:]
        y[1] = x[0]
        return y, v

    (found,) = srcad.vjp(view, vec(1.0, 2.0), jit=False)[1]((vec(1.0, 1.0), vec(1.0)))
    np.testing.assert_allclose(found, [4.0, 0.0])

    def same(x):
        return x

    seed = vec(1.0, 1.0)
    (found,) = srcad.vjp(same, vec(1.0, 2.0), jit=False)[1](seed)
    assert not np.shares_memory(found, seed)


@scenario
def pullback_after_changes(srcad):
    """The arguments and the outputs are changed between the call and the pullback."""

    def f(a, b):
        a[0] = b[1] * a[1]
        b[1] = a[0]

    a, b = vec(1.0, 2.0), vec(3.0, 4.0)
    out, pullback = srcad.vjp(f, a, b, outputs=("a", "b"), jit=False)
    out[0][0] = 777.0
    a[1] = 50.0
    for _ in range(2):
        da, db = pullback((vec(1.0, 1.0), vec(1.0, 1.0)))
        np.testing.assert_allclose(da, [0.0, 9.0])
        np.testing.assert_allclose(db, [1.0, 4.0])


@trap(x4)
def item_of_list_in_place(x):
    """``h[0] *= c`` changes the array that other names hold too."""
    h = [x * 1.0, x * x]
    u = h[0]
    h[0] *= x[1]
    h[-1] += u
    return (u * h[1] * W4).sum()


@trap(x4, jit=True)
def item_of_list_at_run_time_in_place(x):
    """The item is chosen by a counter, another name reads it."""
    h = [x * 1.0, x * x]
    u = h[0]
    for k in range(2):
        h[k] *= x[k]
    h[0], h[1] = h[1], h[0]
    h[1] -= 0.5 * h[0]
    return (u * W4).sum()


@trap(x4)
def item_of_inner_list_in_place(x):
    """A list in a list, and the same array twice in one."""
    u = x * x
    h = [[u], [u, x]]
    h[1][0] += x[2]
    return (h[0][0] * W4).sum() * h[1][1][0]


@trap(x4)
def list_extended_in_place(x):
    """``+=`` of a list is seen by the other names of it, that of a tuple is not."""
    a = [x[0]]
    b = a
    b += [x[1] * x[2], x[3]]
    b *= 2
    s = (x[0], x[1])
    t = s
    t += (x[2],)
    return sum(e * e for e in a) + len(a) * x[2] + sum(s) * x[3]


@trap(x4)
def list_extended_in_loop(x):
    """``+=`` of a list in a loop."""
    a = [x[0]]
    b = a
    for i in range(len(x)):
        b += [x[i] * x[0]]
    return sum(e * e for e in a) + x[1] * len(b)


@trap(x4)
def list_in_dict_extended(x):
    """A list held by a dict and a name."""
    d = {"a": [x[0]], "n": 2.0}
    b = d["a"]
    d["a"] += [x[1] * x[0]]
    return b[-1] * sum(b) + x[2] * len(b)


@trap(x4, policy=REFUSE)
def item_of_tuple_in_place(x):
    """Python changes the array and raises: not a program to differentiate."""
    t = (x * 1.0, x * x)
    t[0] += x[1]
    return (t[0] * W4).sum()


def large_or_last(u, v):
    for i in range(u.size):
        if u[i] > 0.8:
            return u
    return v


@trap(x4)
def update_of_what_was_returned(x):
    """``y *= c`` where y is one array or another, as an early return decided."""
    y = large_or_last(x * 0.01, x)
    y *= 0.5
    return (x * W4).sum() + y[0] * x[1]


@trap(x4)
def update_of_what_was_returned_into_a_list(x):
    """The same, held by a list and by a dict."""
    z = x * x
    h, d = [large_or_last(x * 0.01, z)], {"a": large_or_last(z * 0.01, x)}
    h[0] *= 3.0
    d["a"] *= x[0]
    return (z * W4).sum() + x[1] * x[2]
