"""Index arrays, masks, and which of several writes wins."""

import numpy as np

from tests.traps.registry import scenario, trap

W23 = np.arange(1.0, 7.0).reshape(2, 3)
W3 = np.arange(1.0, 4.0)
W34 = np.arange(1.0, 13.0).reshape(3, 4)
W4 = np.arange(1.0, 5.0)
W5 = np.arange(1.0, 6.0)


def vec(*values):
    return np.array(values, dtype=np.float64)


def x5():
    return (vec(0.7, -1.3, 2.1, 0.4, -0.6),)


def m34():
    return (np.sin(np.arange(12.0) * 1.7 + 0.3).reshape(3, 4),)


@trap(x5, jit=True)
def repeated_index_read(x):
    """A repeated index is read twice: its gradient is a sum."""
    k = np.array([1, 1, 3, 1])
    y = x[k]
    return (y * W4).sum() + y[0] * y[2]


@trap(x5, jit=True)
def repeated_index_assigned(x):
    """Of several assignments to one element the last wins."""
    a = x * x
    k = np.array([1, 1, 3])
    a[k] = x[:3]
    return (a * W5).sum()


@trap(x5)
def repeated_index_added(x):
    """`a[k] += v` with a repeated index is buffered: one addition, the last."""
    a = x * 2.0
    k = np.array([1, 1, 3])
    a[k] += x[2:]
    return (a * a).sum()


@trap(x5)
def repeated_index_subtracted(x):
    """`a[k] -= v`, of which v reads the same array through other indices."""
    a = x * 2.0
    k = np.array([0, 4, 0])
    a[k] -= a[np.array([1, 0, 2])] * x[0]
    return (a * a).sum()


@trap(x5)
def repeated_index_multiplied(x):
    """`a[k] *= v` with a repeated index."""
    a = x * 2.0
    k = np.array([2, 0, 2])
    a[k] *= x[:3]
    return (a * W5).sum()


@trap(x5, jit=True)
def repeated_index_by_loop(x):
    """The loop of the same accumulates."""
    a = x * 2.0
    k = np.array([1, 1, 3])
    for j in range(3):
        a[k[j]] += x[2 + j] * a[k[j]]
    return (a * a).sum()


@trap(x5)
def add_at(x):
    """np.add.at accumulates."""
    a = x * 2.0
    np.add.at(a, np.array([1, 1, 3]), x[2:])
    return (a * a).sum()


@trap(x5)
def mask_of_nothing(x):
    """A mask that selects nothing."""
    m = x > 100.0
    y = x[m]
    x[m] = 5.0
    return y.sum() + (x * x).sum()


@trap(x5)
def mask_of_everything(x):
    """A mask that selects everything."""
    m = x < 100.0
    y = x[m] * x
    x[m] = 3.0 * y
    return (x * y).sum()


@trap(x5, jit=True)
def mask_read(x):
    """A masked read with as many elements as the values decide."""
    y = x[x > 0.0]
    return (y * y).sum() * y.shape[0] + y[1]


@trap(x5)
def mask_as_target(x):
    """A mask as a target, of a number and of an array."""
    a = x * x
    m = x > 0.0
    a[m] = x[0] * 2.0
    a[~m] = x[:2] * a[0]
    return (a * W5).sum()


@trap(x5)
def mask_augmented(x):
    """A mask as an augmented target whose operand is masked alike."""
    a = x * x
    m = x < 0.5
    a[m] *= x[m]
    a[m] += a[m] * x[0]
    return (a * a).sum()


@trap(x5)
def mask_of_array_then_changed(x):
    """The mask is computed from the array that is then changed by it."""
    a = x.copy()
    m = a > 0.0
    a[m] = -a[m] * a[m]
    a[a < -1.0] += 2.0 * x[0]
    a[m] *= 3.0
    return (a * a).sum()


@trap(m34)
def mask_of_two_axes(a):
    """A mask of two axes flattens what it selects."""
    y = a[a > 0.2]
    a[a < -0.5] = y[0]
    return (y * y).sum() + (a * a).sum()


@trap(m34)
def mask_of_rows(a):
    """A mask of the first axis selects rows."""
    m = np.array([True, False, True])
    y = a[m]
    a[~m] *= 2.0
    y[0] = a[1] * y[1]
    return (y * y).sum() + (a * a * a).sum()


@trap(m34)
def integers_and_slice(a):
    """An integer array with a slice beside it."""
    k = np.array([2, 0, 2])
    y = a[k, 1:3]
    a[k, 1:3] = 0.5 * y
    return (y * y).sum() + (a * a).sum() + y[2, 1] * a[2, 1]


@trap(m34)
def slice_and_integers(a):
    """A slice with an integer array behind it, as a target with a repeated index."""
    k = np.array([3, 0, 3])
    a[1:, k] += a[:2, :3]
    return (a * a * W34).sum()


@trap(m34)
def integer_and_array(a):
    """An integer beside an integer array: the axes merge."""
    k = np.array([3, 0, -1])
    y = a[1, k]
    a[k[:2] - 2, 2] = y[1:]
    return (y * W3).sum() * a[1, 2] + (a * a).sum()


@trap(m34)
def two_index_arrays(a):
    """Two integer arrays run in step, with repeated pairs."""
    i = np.array([0, 2, 0, 1])
    j = np.array([1, 3, 1, 0])
    y = a[i, j]
    a[i, j] = y * y[::-1]
    return (y * W4).sum() + (a * a).sum()


@trap(m34)
def outer_index_arrays(a):
    """Two integer arrays that broadcast against one another."""
    i = np.array([0, 2])
    j = np.array([3, 1, 1])
    y = a[i[:, np.newaxis], j]
    return (y * y * W23).sum()


@trap(x5)
def negative_indices(x):
    """Negative entries of an index array meet positive ones in one element."""
    k = np.array([-1, 4, 0, -5])
    y = x[k]
    x[k] = y * W4
    return (x * x).sum() + y[0] * y[1] * y[3]


@trap(x5)
def negative_scalars(x):
    """Negative scalar indices, computed in a loop, alias positive ones."""
    for i in range(1, 5):
        x[-i] = x[i] * x[-i] + 0.5
    return (x * x).sum()


@trap(x5)
def index_array_of_two_axes(x):
    """An index array of two axes gives an array of two axes."""
    k = np.array([[0, 1, 1], [4, 0, 2]])
    y = x[k]
    return (y * y * W23).sum() + y[1, 1]


@trap(x5)
def index_array_of_two_axes_as_target(x):
    """The same as a target; the last in C order wins."""
    a = x * 1.0
    k = np.array([[0, 1], [1, 3]])
    a[k] = x[:4].reshape(2, 2) * x[4]
    return (a * W5).sum()


@trap(x5, jit=True)
def where_of_three(x):
    """np.where of arrays, whose condition's input is changed afterwards."""
    y = np.where(x > 0.0, x * x, -3.0 * x)
    x[:] = 1.0
    z = np.where(y > 1.0, y, 0.0)
    return (y * z).sum() + x[0]


@trap(x5)
def where_of_one(x):
    """np.where with the condition only, as an index."""
    k = np.where(x > 0.0)[0]
    y = x[k]
    return (y * y).sum() + y[0] * k[1]


@trap(m34)
def where_broadcasts(a):
    """np.where whose three arguments broadcast."""
    y = np.where(a[:, :1] > 0.0, a[0], 2.0)
    return (y * y * a).sum()


@trap(x5)
def where_masks_nan(x):
    """The branch not taken is NaN."""
    y = np.where(x > 0.0, np.log(x), x * x)
    return (y * y).sum()


@trap(m34)
def take(a):
    """np.take and the method, with and without an axis."""
    k = np.array([2, 0, 2])
    y = np.take(a, k, axis=0)
    z = a.take(np.array([1, 5, 5]))
    return (y * y * W34).sum() + z[1] * z[2] * z[0]


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4, -0.6), np.array([4, 1, 1, 0, 4])), jit=True)
def indirect_accumulation(x, k):
    """`a[k[i]] += ...` reading through the same indirection."""
    a = np.zeros(5)
    for i in range(5):
        a[k[i]] += x[i] * a[k[4 - i]] + x[k[i]]
    return (a * a).sum()


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4, -0.6), np.array([4, 1, 1, 0, 4])))
def indirect_overwrite(x, k):
    """`x[k[i]] = ...` overwrites what later iterations read."""
    for i in range(5):
        x[k[i]] = x[i] * x[k[i]] + 0.3
    return (x * x).sum()


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4, -0.6), np.array([4, 1, 3])))
def index_changed_after_use(x, k):
    """The index array is changed after it was used."""
    y = x[k]
    k[0] = 0
    z = x[k] * y
    k[:] = 2
    x[k] += z[1]
    return (z * z).sum() + (x * x).sum()


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4, -0.6), np.array([1, 2, 3, 4, 0])))
def permutation_composed(x, p):
    """A permutation is applied in a loop while it is itself permuted."""
    for k in range(3):
        x = x[p] * x
        p = p[p]
    return (x * W5).sum()


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4, -0.6), np.array([1, 2, 3, 4, 0])))
def linked_list(x, nxt):
    """A walk along pointers; the pointers change on the way."""
    i = 0
    s = 1.0
    for k in range(7):
        s = s * x[i] + 0.7
        j = nxt[i]
        nxt[i] = (j + k) % 5
        i = j
    return s * x[i]


@trap(x5)
def argmax_as_index(x):
    """The place of the maximum is an index; then that place changes."""
    k = np.argmax(x)
    s = x[k] * x[0]
    x[k] = -5.0
    k = np.argmax(x)
    return s * x[k]


@trap(x5)
def count_nonzero_as_index(x):
    """An index that counts what the values decide."""
    n = 0
    for v in x:
        if v > 0.0:
            n += 1
    x[n] = x[n - 1] * x[-n]
    return (x * x).sum()


@trap(m34)
def ellipsis_and_newaxis(a):
    """Ellipsis and newaxis within one index."""
    b = a[..., np.newaxis, ::2]
    b[1, 0] = b[0, 0] * b[2, 0]
    return (a * a).sum() + b[..., 1].sum()


@trap(m34)
def row_of_row(a):
    """a[i][j] and a[i, j] are the same element."""
    a[1][2] = a[0][1] * a[2, 3]
    a[1, 2] += a[1][2] * a[-2][-2]
    return a[1, 2] * a[0, 1]


@trap(x5)
def slice_bounds_clamped(x):
    """Slice bounds beyond the ends are clamped; empty slices may be written."""
    y = x[2:100] * 2.0
    x[-100:2] *= y[:2]
    x[4:2] = 7.0
    x[9:] = 8.0
    return y.sum() * (x * x).sum()


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4, -0.6), 3))
def slice_bounds_computed(x, n):
    """Slice bounds change between the write and the read."""
    s = 0.0
    for k in range(3):
        x[k:n] *= x[k]
        n = n + 1
        s += x[n - 2 : n].sum() * x[k]
    return s


@trap(x5)
def histogram_of_floats(x):
    """Indices are computed from active values by int()."""
    h = np.zeros(4)
    for v in x:
        k = int(v + 1.5)
        h[k] += v * v
        h[k - 1] -= v
    return (h * h).sum()


@trap(x5)
def sort_by_insertion(x):
    """Insertion sort, then a weighted sum: the gradient is a permutation."""
    for i in range(1, 5):
        v = x[i]
        j = i - 1
        while j >= 0 and x[j] > v:
            x[j + 1] = x[j]
            j -= 1
        x[j + 1] = v
    return (x * W5).sum() + x[0] * x[4]


@trap(m34)
def diagonal_by_arange(a):
    """a[arange, arange] is the diagonal, also as a target."""
    k = np.arange(3)
    a[k, k] = a[k, k + 1] * a[k, 0]
    return (a * a).sum()


@trap(lambda: (np.arange(8.0).reshape(2, 2, 2) * 0.3 + 0.1,))
def index_array_in_the_middle(a):
    """An index array between slices."""
    k = np.array([1, 1, 0])
    y = a[:, k, 1]
    a[:, k, 0] = y
    return (y * y * W23).sum() + (a * a).sum()


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4), np.array([2, 0, 3, 1])))
def permutation_swapped_in_loop(x, n):
    """Entries of the index array are swapped while they are bounds and indices."""
    s = 1.0
    for i in range(4):
        j = n[i]
        n[i] = n[j]
        n[j] = i
        s = s * x[n[i]] + x[j]
        for q in range(n[j]):
            s = s + x[q] * s * 0.1
    return s


def _pop(n):
    first = n[0]
    for i in range(3):
        n[i] = n[i + 1]
    n[3] = first
    return first


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4), np.array([2, 0, 3, 1])))
def queue_of_indices(x, n):
    """A helper pops an index off a queue that goes round."""
    s = 1.0
    for i in range(4):
        k = _pop(n)
        x[k] = x[k] * x[n[0]] + s
        s = s + x[k]
    return s


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4),))
def index_array_changes_in_loop(x):
    """An index array with repetitions changes in each iteration."""
    k = np.array([3, 1, 1, 0])
    for i in range(3):
        x[k] = x * x[k] + 0.1
        k[i] = (k[i] + i) % 4
    return x.sum()


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4),))
def augmented_from_itself(x):
    """Augmented targets with a repeated index whose operand is the target."""
    k = np.array([0, 1, 1])
    x[k] += x[k] * x[k]
    x[k] -= x[:3]
    x[k] /= x[3]
    return (x * x).sum()


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4),))
def gather_rows_and_columns(x):
    """Rows and columns by an index array are copies, not views."""
    a = np.outer(x, x)
    k = np.array([1, 1, 3])
    b = a[k]
    a[k] = b * 2.0
    c = a[:, k]
    c[0] = b[0, :3]
    return (b * b).sum() * 0.1 + (c * c).sum() * 0.1 + a[1].sum()


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4),))
def smallest_again_and_again(x):
    """The place of the minimum is raised until another is the minimum."""
    s = 0.0
    for k in range(4):
        i = np.argmin(x)
        s = s * 0.5 + x[i] * x[(i + 1) % 4]
        x[i] += 3.0 + s * 0.1
    return s


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4),))
def columns_swapped_by_list(x):
    """Columns are swapped by a list as an index."""
    a = np.outer(x, x) + 1.0
    a[:, [0, 1]] = a[:, [1, 0]]
    return (a[0] * x).sum() + a[2, 1]


@scenario
def captured_index_changes(srcad):
    """A captured index array is changed between calls."""
    k = np.array([0, 1, 1])

    def f(x):
        return (x[k] * W3).sum()

    for jit in (False, True):
        k[:] = [0, 1, 1]
        g = srcad.grad(f, jit=jit)
        np.testing.assert_allclose(g(vec(1.0, 2.0)), [1.0, 5.0])
        k[1] = 0
        np.testing.assert_allclose(g(vec(1.0, 2.0)), [3.0, 3.0])


@scenario
def index_out_of_range(srcad):
    """What the function raises, its gradient raises, and the next call works."""

    def f(x, k):
        return x[k] * x[0]

    g = srcad.grad(f, jit=False)
    try:
        g(vec(1.0, 2.0), 2)
    except IndexError:
        pass
    else:
        raise AssertionError("no IndexError")
    np.testing.assert_allclose(g(vec(1.0, 2.0), 1), [2.0, 1.0])
