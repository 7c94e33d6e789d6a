"""Values that are overwritten after, before or while they are needed."""

import math

import numpy as np

from tests.traps.registry import trap

W4 = np.arange(1.0, 5.0)
W6 = np.arange(1.0, 7.0)


def vec(*values):
    return np.array(values, dtype=np.float64)


def x4():
    return (vec(0.7, -1.3, 2.1, 0.4),)


def x6():
    return (vec(0.7, -1.3, 1.1, 0.4, -0.6, 0.9),)


@trap(x4, jit=True)
def saved_value_updated(x):
    """An operand of a product is changed in place after the product."""
    a = x.copy()
    y = a * a * a
    a += 1.0
    z = np.sin(a)
    a[:] = 0.0
    return (y * z).sum() + a[0]


@trap(x4, jit=True)
def multiply_by_itself(x):
    """`x *= x`: the operand and the target are one array."""
    a = x.copy()
    a *= a
    a *= a
    return a.sum()


@trap(lambda: (vec(0.7, -1.3), vec(1.2, 0.5)), wrt=(0, 1))
def multiply_inplace(x, y):
    """`x *= y` on the argument; both are used afterwards."""
    x *= y
    y *= x
    x *= y
    return (x + y * y).sum()


@trap(lambda: (vec(0.7, 1.3), vec(1.2, 0.5)), wrt=(0, 1))
def divide_inplace(x, y):
    """`x /= y` and then `y /= x`."""
    x /= y
    y /= x
    x **= 2
    return (x * y).sum()


@trap(lambda: (vec(0.7, 1.3, 2.2), 1.7), wrt=(0, 1))
def power_inplace(x, p):
    """`x **= p` with an active exponent."""
    x **= p
    p *= x[0]
    x -= p
    return (x * x).sum()


@trap(x6, jit=True)
def shifted_add(x):
    """`x[1:] += x[:-1]` reads the old values."""
    x[1:] += x[:-1]
    x[1:] += x[:-1]
    return (x * x).sum()


@trap(x6, jit=True)
def prefix_sum_by_loop(x):
    """The loop of the same reads the new values."""
    for i in range(1, 6):
        x[i] += x[i - 1]
    return (x * x).sum()


@trap(x6)
def shifted_multiply_backwards(x):
    """`x[:-1] *= x[1:]`, then upwards again."""
    x[:-1] *= x[1:]
    x[2:] *= x[:-2]
    return (x * W6).sum()


@trap(x6)
def negative_step_overlap(x):
    """Overlapping slices of steps -1 and -2."""
    a = x.copy()
    a[4:1:-1] = a[1:4] * 2.0
    a[::-2] += a[:3]
    return (a * a).sum()


@trap(x6)
def reversed_onto_itself(x):
    """`a[::-1] = a`: a reversal in place."""
    a = x * x
    a[::-1] = a
    a[:3] = a[2::-1]
    return (a * W6).sum()


@trap(x6)
def partial_overwrite(x):
    """Part is overwritten with a constant; the rest still carries."""
    a = x * x
    s = a.sum()
    a[1:3] = 4.0
    t = a.sum()
    a[2:5] = x[0]
    return s * t + (a * a).sum()


@trap(x4)
def same_component_twice(x):
    """The same component is assigned twice, the first value is dead."""
    a = np.zeros(2)
    a[0] = x[0] * x[1]
    a[0] = x[2] * x[2]
    a[1] = a[0] * x[3]
    a[0] = x[0]
    return a[0] * a[1]


@trap(x4, jit=True)
def same_component_read_between(x):
    """Between two assignments the first value is read."""
    a = np.zeros(1)
    a[0] = x[0] * x[1]
    s = a[0] * a[0]
    a[0] = x[2]
    s += a[0] * s
    a[0] = s
    return a[0] * s


@trap(x4)
def self_referencing(x):
    """`a[i] = a[i] * a[i] + a[j]`."""
    for i in range(4):
        j = (i * 3 + 1) % 4
        x[i] = x[i] * x[i] + math.sin(x[j])
    return x.sum()


@trap(lambda: (0.7,))
def scalar_self_referencing(x):
    """A scalar overwrites itself in nonlinear ways."""
    for _ in range(4):
        x = x * x + x
        x = math.sin(x) * x
        x *= x - 0.5
        x -= x * x * 0.1
    return x


@trap(x6)
def slice_of_view_augmented(x):
    """An augmented assignment through a slice of a view."""
    a = x.copy()
    v = a[1:5]
    v[1:3] *= v[2:4]
    v[::2] += a[4:]
    a[2] -= v[0]
    return (a * a).sum()


@trap(x6)
def temporary_slice_of_slice(x):
    """`a[1:][1:3] *= ...`: the target is a view without a name."""
    a = x.copy()
    a[1:][1:3] *= a[:2]
    a[::-1][0] = a[0] * 7.0
    a[2:][::2][1] += a[1]
    return (a * a).sum()


@trap(x6, jit=True)
def overwritten_under_condition(x):
    """Elements are overwritten where a condition on the element holds."""
    for i in range(6):
        if x[i] < 0.0:
            x[i] = x[i] * x[i] + x[i - 1]
        elif x[i] > 1.0:
            x[i] = 2.0
    return (x * x * x).sum()


@trap(x6)
def overwritten_under_a_condition_on_neighbours(x):
    """The condition reads what an earlier iteration has overwritten."""
    for i in range(1, 5):
        if x[i - 1] + x[i + 1] > 0.2:
            x[i] = x[i - 1] * x[i + 1]
            x[i + 1] -= x[i]
    return (x * W6).sum()


@trap(lambda: (np.array([[0.5, -0.8, 1.1], [1.4, 0.3, -0.6]]),))
def row_by_its_element(a):
    """A row is divided by its own first element."""
    a = a.copy()
    for i in range(2):
        a[i] /= a[i, 0]
    a[1] -= a[1, 2] * a[0]
    return (a * a).sum()


@trap(
    lambda: (np.array([[2.0, 0.5, 0.3], [0.4, 3.0, -0.6], [0.1, 0.7, 2.5]]), vec(1.0, 2.0, 3.0)),
    wrt=(0, 1),
    jit=True,
)
def elimination(a, b):
    """Gaussian elimination in the caller's arrays, with slices."""
    n = b.shape[0]
    for k in range(n):
        for i in range(k + 1, n):
            m = a[i, k] / a[k, k]
            a[i, k:] -= m * a[k, k:]
            b[i] -= m * b[k]
    for i in range(n - 1, -1, -1):
        b[i] = (b[i] - (a[i, i + 1 :] * b[i + 1 :]).sum()) / a[i, i]
    return b.sum() + b[0] * b[2]


@trap(x4)
def accumulator_used_on_the_way(x):
    """An accumulator array is read in the middle of its accumulation."""
    acc = np.zeros(2)
    for i in range(4):
        acc[i % 2] += x[i] * x[i]
        if i == 1:
            acc[0] *= acc[1]
        x[i] = acc[i % 2]
    return acc[0] * acc[1] + x.sum()


@trap(x4)
def zeroed_accumulator(x):
    """One work array is zeroed in each iteration and filled anew."""
    w = np.empty(3)
    s = 0.0
    for i in range(4):
        w[:] = 0.0
        for j in range(3):
            w[j] += x[i] ** (j + 1)
            w[0] *= 1.5
        s += w.sum() * w[0]
    return s


@trap(x4)
def scratch_survives(x):
    """One work array is not zeroed, so that values cross iterations."""
    w = np.zeros(3)
    s = 1.0
    for i in range(4):
        w[i % 3] = x[i] * s + w[(i + 1) % 3]
        s = s + w[0] * w[2]
    return s


@trap(x4)
def written_then_sliced_out(x):
    """The written part is not part of what is returned."""
    a = x.copy()
    b = a[2:] * a[2:]
    a[2:] = x[0] * 100.0
    return a[:2].sum() * b[0] + b[1]


@trap(x4, jit=True)
def fill_then_use(x):
    """`fill`-like assignments between uses."""
    a = x * x
    s = (a * a).sum()
    a[:] = x[1]
    s *= a.sum()
    a[...] = 3.0
    return s + a.sum() * x[0]


@trap(x4)
def fill_method(x):
    """`a.fill` kills what was there."""
    a = x * x
    s = a.sum()
    a.fill(x[1])
    s *= a.sum()
    return s


@trap(lambda: (np.array([[0.5, -0.8], [1.4, 0.3]]), vec(0.3, -0.9)), wrt=(0, 1))
def broadcast_inplace(a, v):
    """In-place updates that broadcast, by row and by column."""
    a *= v
    a += v[:, np.newaxis]
    v += a[0]
    a *= v[0]
    return (a * a).sum() + v[1]


@trap(x4)
def element_of_result_mutated(x):
    """The result of an expression is mutated before it is summed."""
    y = np.exp(x)
    y[0] = y[1] * y[2]
    y[1] = 0.0
    y[2] += y[0] * y[3]
    return y.sum()


@trap(x4)
def exp_result_overwritten(x):
    """The result of exp, of sqrt and of tanh is what its derivative needs, and is overwritten."""
    y = np.exp(x)
    y *= 2.0
    z = np.sqrt(x * x + 1.0)
    z -= y
    t = np.tanh(x)
    t[:] = t * z
    return (y * z * t).sum()


@trap(lambda: (0.8, 1.4), wrt=(0, 1))
def scalar_results_overwritten(x, y):
    """The same for scalars."""
    a = math.exp(x)
    a = a * a
    b = math.sqrt(y)
    b = a / b
    a = math.tan(b * 0.01) + x
    b -= a * b
    return a * b


@trap(x6)
def two_targets(x):
    """`a = b = ...` is one array of two names; `a[0] = b[0] = ...` are two stores."""
    a = b = x * x
    a[0] = b[1] = x[2] * x[3]
    a[2] *= b[0]
    return (a * b).sum()


@trap(x6)
def tuple_targets_in_order(x):
    """Tuple targets are stored left to right, after all of the right side is read."""
    i = 0
    a = x.copy()
    i, a[i] = 3, a[0] * a[1]
    a[i], a[i - 1] = a[i - 1] * 2.0, a[i]
    return a[3] * a[3] + a[2] + a[0]


@trap(x6)
def index_changed_by_right_side(x):
    """An augmented target's index is evaluated once, before the right side changes it."""
    k = np.array([1, 4])
    for i in range(2):
        x[k[i]] += x[k[i] + 1] * x[0]
        k[i] -= 1
        x[k[i]] *= 2.0
    return (x * x).sum()


@trap(lambda: (vec(0.5, 0.3, -0.2), 5))
def ping_pong_time_steps(u, n):
    """A time loop in which the state is overwritten by itself with neighbours."""
    for k in range(n):
        left = u[0]
        for i in range(1, 3):
            mine = u[i]
            u[i] = mine + 0.3 * (left - mine) * mine
            left = mine
        u[0] = u[2] * 0.9
    return (u * u).sum()


@trap(x4)
def copy_to_and_back(x):
    """np.copy, x.copy() and [:] differ in what they share."""
    a = np.copy(x)
    b = x.copy()
    c = x[:]
    c[0] = a[1] * b[1]
    a[1] = c[0] * x[0]
    b[:] = a
    a[0] = 5.0
    return (x * a).sum() + (b * c).sum()


@trap(x4)
def read_only_at_end(x):
    """A value saved early is used only in the last statement."""
    first = x[0]
    last = x[-1]
    x[0] = 100.0
    x[-1] = x[1] * x[2]
    x[1] = first
    return first * last + (x[1:] * x[1:]).sum()


@trap(lambda: (2.0, vec(0.3, 0.6)), wrt=(0, 1))
def constant_then_active(p, x):
    """An array is constant, becomes active, and constant again, in a loop."""
    a = np.ones(2)
    s = 0.0
    for k in range(3):
        s += a[0] * a[1] * p
        a[:] = 2.0
        s += a[0]
        a[0] = x[k % 2] * p
        s *= a[0]
        if k == 1:
            a = np.ones(2)
    return s


def _store(a):
    a[0] = a[1] * a[2]
    return a[0]


def _double(a):
    a[0] *= 2.0
    a[3] = a[0]
    return a[3]


@trap(x4)
def operand_mutated_by_operand(x):
    """The left operand is read before the right one, a call, writes the array."""
    a = x.copy()
    s = a[0] * _store(a) + a[0]
    s += a.sum() + _double(a) * a.sum()
    y = a * _store(a)
    return s + y.sum()


@trap(x4)
def augmented_element_whose_operand_mutates(x):
    """`a[0] += f(a)` reads a[0] first, though f writes it."""
    a = x.copy()
    a[0] += _store(a)
    a[3] *= _double(a)
    return (a * a).sum()


@trap(x4)
def augmented_array_whose_operand_mutates(x):
    """`a += f(a)` adds to what f has written."""
    a = x.copy()
    a += _store(a)
    a[1:] *= _double(a)
    return (a * a).sum()


@trap(x4)
def augmented_scalar_whose_operand_mutates(x):
    """`s += f(a)` for a scalar that was read from the array."""
    a = x.copy()
    s = a[0]
    s += _store(a)
    s *= a[0]
    return s * _double(a)


@trap(x4)
def product_with_itself_overwritten(x):
    """A vector's product with itself is stored into it."""
    a = x * 1.0
    a[0] = a @ a
    a[1] = np.dot(a, a[::-1])
    return (a * x).sum()


@trap(x4)
def matrix_product_in_place(x):
    """A matrix is replaced by a product with itself."""
    a = np.outer(x, x)
    b = a @ a
    a[0] = b[1]
    a[:] = a @ b * 0.01
    return (a * b).sum()


@trap(x4)
def broadcast_stores(x):
    """Rows, columns and scalars are stored, and overlap."""
    a = np.empty((2, 4))
    a[:] = x
    a[:, 1] = x[:2]
    a[1] = a[0, 2]
    x[0] = a.sum()
    return (a * x).sum()


@trap(x4)
def common_subexpression(x):
    """The same text four times, with other operands each time."""
    a = x[0] * x[1]
    x[0] = a * a
    b = x[0] * x[1]
    x[1] = b
    c = x[0] * x[1]
    return a + b * c + x[0] * x[1]


@trap(x4)
def common_array_expression(x):
    """The same for an expression of the whole array."""
    a = (x * x).sum()
    x *= 2.0
    b = (x * x).sum()
    x[1:] = x[:-1]
    c = (x * x).sum()
    return a * b * c


@trap(x4)
def invariant_until_written(x):
    """An expression is invariant in the loop but for its last statement."""
    s = 0.0
    for i in range(3):
        y = np.exp(x * 0.3)
        s += (y * x).sum()
        x[i] = s * 0.1
    return s


@trap(x4)
def alternating_stencil(x):
    """Two rows of one matrix take turns in being old and new."""
    a = np.zeros((2, 4))
    a[0] = x
    for t in range(3):
        for i in range(1, 3):
            a[(t + 1) % 2, i] = a[t % 2, i - 1] * a[t % 2, i + 1] + a[t % 2, i]
    return (a * a).sum()


@trap(x4)
def slices_by_counter(x):
    """Overlapping slices whose bounds move with the counter."""
    for k in range(1, 4):
        x[:k] += x[-k:] * x[:k]
        x[k:] *= x[: 4 - k]
    return x.sum()


@trap(x4, policy="either")
def slice_steps_by_counter(x):
    """Slices whose step is known at run time only."""
    for k in range(1, 3):
        x[::k] *= x[::-1][::k]
        x[k::-1] += x[: k + 1]
    return (x * x).sum()


@trap(x4)
def reductions_stored(x):
    """Sums along axes are stored into the array that they were made from."""
    a = np.outer(x, x)
    a[0] = a.sum(axis=0)
    a[:, 1] = a.sum(axis=1) * a[:, 0]
    return (a * a).sum() * 0.01


@trap(x4)
def maximum_stored(x):
    """The maximum is stored into the array and asked for again."""
    x[0] = np.max(x) * x[1]
    x[2] = np.min(x)
    return x.sum() * np.max(x)


@trap(x4)
def normalised_in_place(x):
    """A power iteration in place, with its own reversal."""
    for _ in range(3):
        x /= np.sqrt((x * x).sum())
        x += 0.1 * x[::-1]
    return (x * W4).sum()


@trap(x4)
def where_stored(x):
    """np.where is stored over the array that it reads."""
    x[:] = np.where(x > 0.5, x * x[::-1], x - 1.0)
    x[1:] = np.where(x[1:] > 0.0, x[:-1], x[1:])
    return (x * x).sum()
