"""Control flow that the reverse sweep has to find its way back through."""
# ruff: noqa: SIM108, SIM113, RUF007

import math

import numpy as np

from tests.traps.registry import EITHER, trap


def vec(*values):
    return np.array(values, dtype=np.float64)


def x4():
    return (vec(0.7, -1.3, 2.1, 0.4),)


def x6():
    return (vec(0.7, -1.3, 1.1, 0.4, -0.6, 0.9),)


@trap(lambda: (1.3, 0), jit=True)
def zero_trips(x, n):
    """A loop without an iteration leaves what was before."""
    y = x * x
    for i in range(n):
        y = 100.0 * i
    return y * x


@trap(lambda: (vec(0.7, 1.1), vec()), wrt=(0, 1))
def zero_trips_over_empty_array(x, e):
    """A loop over an empty array between two uses of one variable."""
    s = x[0] * x[1]
    for v in e:
        s = s * v
        x[0] = 0.0
    return s * x[0]


@trap(lambda: (1.3, 4))
def zero_trips_inside(x, n):
    """An inner loop runs zero times in the first iteration only."""
    s = x
    for i in range(n):
        t = s
        for _ in range(i):
            t = t * 0.9 + x
        s = s * 0.5 + math.sin(t)
    return s * t


@trap(lambda: (1.3, 5, 2))
def range_downwards_empty(x, a, b):
    """A range that runs downwards is empty with a positive step."""
    s = x * x
    for i in range(a, b):
        s = s * i
    for i in range(a, b, -1):
        s = s * x + i
    for i in range(b, a, -1):
        s = 0.0
    return s


@trap(lambda: (np.array([[0.2, 0.6, 0.4], [0.3, 1.7, 0.5], [0.8, 0.9, 1.0]]),), jit=True)
def return_from_nested_loops(a):
    """The function returns out of the inner loop."""
    s = 1.0
    for i in range(3):
        s = s * a[i, 0] + 0.5
        for j in range(3):
            s += a[i, j] * a[i, j]
            if a[i, j] > 1.5:
                return s * a[j, i]
        s *= 1.1
    return s


@trap(lambda: (vec(0.2, 0.6, 3.0, 0.5), 2.0), wrt=(0, 1))
def return_of_several_kinds(x, lim):
    """Three ways out, one in a while in a for."""
    s = 0.0
    for v in x:
        t = v
        while t > 0.5:
            t = t * 0.5
            s = s + t * lim
            if s > lim:
                return s * t
        s += t * t
        if s < -1.0:
            return lim
    return s


@trap(lambda: (np.array([[0.2, 0.6, 0.4], [0.3, 1.7, 0.5], [0.8, 0.9, 1.0]]),))
def two_levels_by_flag(a):
    """A flag ends both loops; the outer one goes on to its end for one statement."""
    s = 1.0
    found = False
    for i in range(3):
        for j in range(3):
            if a[i, j] > 1.5:
                found = True
                break
            s *= 1.0 + a[i, j]
        s += a[i, 0] * s
        if found:
            break
    return s * (i + 1.0) + a[i, j]


@trap(x4, jit=True)
def for_else_taken(x):
    """The else of a loop that was not broken out of."""
    s = 1.0
    for i in range(4):
        if x[i] > 5.0:
            break
        s = s * x[i] + 1.0
    else:
        s = s * s
    return s + x[0]


@trap(x4)
def for_else_skipped(x):
    """The else of a loop that was broken out of."""
    s = 1.0
    for i in range(4):
        if x[i] > 1.0:
            break
        s = s * x[i] + 1.0
    else:
        s = s * s
    return s * x[i]


@trap(lambda: (1.3,))
def while_else(x):
    """while/else in a loop: sometimes the one end, sometimes the other."""
    s = 0.0
    for k in range(4):
        t = x + k
        while t > 0.3:
            t = t * 0.4
            if t < 0.2:
                break
        else:
            t = t * t * x
        s += t * (k + 1.0)
    return s


@trap(lambda: (1.3, 9))
def continue_in_while(x, n):
    """`continue` in a while whose counter is moved first."""
    i = 0
    s = x
    while i < n:
        i += 1
        if i % 3 == 0:
            continue
        s = s + math.sin(s * i)
        if s > 2.0:
            s = s * 0.5
            continue
        s = s * x
    return s


@trap(lambda: (0.8,), jit=True)
def condition_overwritten_in_branch(x):
    """The branch changes what its own condition reads."""
    y = x * 2.0
    if y > 1.0:
        y = y - 3.0
        x = x * y
    if y > 1.0:
        x = x * 100.0
    else:
        x = x + y * y
    return x * y


@trap(lambda: (0.8, 0.4), wrt=(0, 1))
def condition_by_flag_overwritten(x, y):
    """A flag is computed, its inputs change, it is used twice, it changes."""
    big = x > y
    x, y = y * y, x
    if big:
        x = x * y
    big = x > y
    if not big:
        y = math.sin(x)
    return x + y * x


@trap(lambda: (0.8, -0.4), wrt=(0, 1))
def ternary_inputs_change(x, y):
    """The inputs of a conditional expression change afterwards."""
    z = x * x if x > y else y * y
    x = y - 1.0
    w = x * z if x > y else y * z
    y = 50.0
    return z * w + x + y


@trap(x4)
def ternary_of_array_elements(x):
    """A conditional expression reads an element that is overwritten by it."""
    for i in range(4):
        x[i] = x[i] * x[i] if x[i] > 0.5 else x[i - 1] + 1.0
    return (x * x).sum()


@trap(lambda: (1.3, np.array([2, 0, 3, 1])), jit=True)
def bound_from_array_written_in_loop(x, n):
    """The bound of the inner loop is read from an array that the loop writes."""
    n = n.copy()
    s = x
    for i in range(3):
        for _ in range(n[i]):
            s = math.sin(s) + x
            n[i] = 100
            n[i + 1] += 1
    return s * n[3]


@trap(lambda: (vec(0.3, 0.4, 0.5),))
def bound_written_before(x):
    """The bound comes from an integer array written just before and after the loop."""
    c = np.zeros(3, dtype=np.int64)
    s = 1.0
    for k in range(3):
        c[k] = 3 - k
        for i in range(c[k]):
            s = s * (x[k] + x[i])
        c[k] = 0
    return s


@trap(lambda: (vec(0.3, 0.4, 0.5), 2))
def bound_changes_in_loop(x, n):
    """range is evaluated once, though its argument is rebound in the body."""
    s = 1.0
    for i in range(n):
        n = n + 5
        s = s * x[i] * n
    for i in range(n // 6):
        s = s + x[i]
        n -= 1
    return s * n


@trap(x4, jit=True)
def counter_reassigned(x):
    """The counter is reassigned in the body and read after the loop."""
    s = 0.0
    for i in range(0, 8, 2):
        i = i // 2
        s += x[i] * x[i] * x[i]
        i = 3 - i
        s *= x[i]
    return s * x[i]


@trap(x4)
def counter_read_after(x):
    """The counter keeps its last value, also that of the inner loop."""
    s = 0.0
    for i in range(3):
        for j in range(i + 1):
            s += x[j] * x[i]
    return s * x[i] + x[j] * x[j + 1]


@trap(lambda: (vec(1.0, 2.0, 4.0),))
def element_variable_reassigned(x):
    """The variable of a loop over an array is reassigned; the array is not."""
    s = 0.0
    for v in x:
        s += v
        v = v * v
        v += s
        s = s + v * 0.1
    return s * v + x.sum()


@trap(lambda: (vec(1.0, 2.0, 4.0),))
def array_written_while_iterated(x):
    """The loop over an array sees what the body has written ahead."""
    i = 0
    s = 0.0
    for v in x:
        i += 1
        if i < 3:
            x[i] = v * x[i]
        s += v * v
    return s


@trap(lambda: (1.3,))
def walrus_in_while(x):
    """A walrus in the condition of a while."""
    s = x
    while (t := s * 0.5) > 0.1:
        s = t * math.cos(t)
    return s + t * x


@trap(lambda: (vec(0.4, 1.9, 0.3),))
def walrus_in_condition(x):
    """A walrus in a condition with `and`, which may not be evaluated."""
    t = 0.1
    s = 0.0
    for i in range(3):
        if x[i] > 0.35 and (t := x[i] * x[i]) > 1.0:
            s += t * x[i]
        s += t
    return s


@trap(lambda: (0.8,))
def nested_function_default(x):
    """A nested function with a default argument that is active and evaluated once."""
    y = x * x

    def g(u, v=y):
        return u * v

    y = 100.0
    return g(x) + g(2.0, x) + y


@trap(lambda: (0.8, 5), jit=True)
def recursion(x, n):
    """Plain recursion with a branch."""
    return power(x, n) + power(x, n // 2)


def power(x, n):
    if n == 0:
        return 1.0
    if n % 2 == 1:
        return x * power(x, n - 1)
    h = power(x, n // 2)
    return h * h


def smooth(a, n):
    if n == 0:
        return
    for i in range(a.shape[0] - 1):
        a[i] = a[i] * a[i + 1] + 0.2
    smooth(a, n - 1)
    a[0] += a[-1] * n


@trap(lambda: (vec(0.3, 0.9, -0.5),))
def recursion_with_mutation(x):
    """Recursion that mutates on the way down and on the way up."""
    smooth(x, 3)
    return (x * x).sum()


@trap(lambda: (vec(0.3, 0.9, -0.5, 1.2),))
def recursion_on_halves(x):
    """Recursion on views of the halves."""
    return tree(x, 0, 4)


def tree(x, lo, hi):
    if hi - lo == 1:
        return math.sin(x[lo])
    mid = (lo + hi) // 2
    left = tree(x, lo, mid)
    return left * tree(x, mid, hi) + left


@trap(lambda: (0.8, 2))
def match_on_constants(x, k):
    """match on an integer, with a default."""
    for i in range(4):
        match i:
            case 0:
                x = x * x
            case 1 | 3:
                x = math.sin(x)
            case _:
                x = x + k
    return x


@trap(lambda: (0.8, "cube"))
def match_on_string(x, how):
    """match on a string option."""
    match how:
        case "square":
            return x * x
        case "cube":
            return x * x * x
        case _:
            return x


@trap(x4)
def over_reversed(x):
    """reversed(range) and reversed of an array."""
    s = 0.0
    for i in reversed(range(4)):
        s = s * x[i] + 1.0
    for v in reversed(x):
        s = s * v + 0.5
    return s


@trap(x4)
def over_enumerate(x):
    """enumerate with a start, with writes to the array behind the loop."""
    s = 1.0
    for i, v in enumerate(x, 2):
        s = s * v + i
        x[i - 2] = s
    return s * x[1]


@trap(lambda: (vec(0.4, 0.9, -0.6), vec(1.1, 0.2)), wrt=(0, 1))
def over_zip_of_unequal_lengths(x, y):
    """zip ends with the shorter one; both names live on."""
    s = 1.0
    for u, v in zip(x, y, strict=False):
        s = s * u + v * v
        x[1] = s
    return s * u + v + x[1]


@trap(lambda: (0.4, 0.9), wrt=(0, 1))
def over_tuple(x, y):
    """A loop over a tuple of numbers, whose sources change in the loop."""
    s = 1.0
    for v in (x, y, x * y):
        s = s * v + x
        x = s
        y = 0.0
    return s * x + y


@trap(lambda: (vec(0.4, 0.9, -0.6), vec(1.1, 0.2)), wrt=(0, 1))
def over_tuple_of_arrays(x, y):
    """A loop over a tuple of arrays of different lengths."""
    s = 1.0
    for v in (x, y, x[1:]):
        v[0] = v[1] * s
        s = s + v.sum()
    return s * x[0] * y[0]


@trap(lambda: (vec(0.4, 0.9, -0.6),))
def over_zip_of_slices(x):
    """Neighbours by zip, and enumerate around zip."""
    s = 0.0
    for i, (u, v) in enumerate(zip(x[:-1], x[1:], strict=True)):
        s += (u - v) * (u - v) * (i + 1.0)
    return s


@trap(lambda: (0.9,), jit=True)
def while_by_active_value(x):
    """The number of iterations hangs on the active value itself."""
    s = 1.0
    n = 0
    while s < 30.0:
        s = s + s * x
        n += 1
    return s * n


@trap(lambda: (0.9, 2.5), wrt=(0, 1))
def newton_with_break(x, c):
    """Newton's iteration, `while True` and break on convergence of the value."""
    while True:
        d = (x * x * x - c) / (3.0 * x * x)
        x = x - d
        if abs(d) < 1e-3:
            break
    return x * c


@trap(lambda: (vec(0.4, 0.9, -0.6, 0.2),))
def branch_defines_in_first_iteration(x):
    """A name is defined in the first iteration only, and read in all."""
    s = 0.0
    for i in range(4):
        if i == 0:
            first = x[0] * x[1]
        s += first * x[i]
        if i == 2:
            first = s
    return s


@trap(lambda: (vec(0.4, 0.9, -0.6, 0.2),))
def previous_iteration(x):
    """A value of the previous iteration, carried by a chain of names."""
    a = 1.0
    b = 0.0
    c = 0.0
    for v in x:
        c = b
        b = a
        a = a * v + c * b
    return a + 2.0 * b + 3.0 * c


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def short_circuit(x, y):
    """`and` and `or` as values, and conditions that must not be evaluated."""
    s = x * y
    if x < 1.0 or 1.0 / (x - x) > 0.0:
        s = s * x
    if y < 1.0 and math.log(y - 1.2) > 0.0:
        s = s * y
    return s + (x if x > 5.0 else y) * x


@trap(lambda: (0.7, 0.0), wrt=(0, 1), policy=EITHER, expect=lambda x, y: (2.0 * x, 3.0))
def or_as_value(x, y):
    """`y or x` returns one of its operands, not a truth value."""
    return (y or x) * x + y * 3.0


@trap(lambda: (0.7, 1.9), wrt=(0, 1), policy=EITHER)
def and_as_value(x, y):
    """`x and y` returns the second operand if the first is not zero."""
    return (x and y) * x + (0.0 or y) * 3.0


@trap(lambda: (0.7,))
def chained_comparison(x):
    """A chained comparison with an expression in the middle."""
    s = 0.0
    for k in range(5):
        if 0.5 < x * k <= 2.0 < k + 1.0:
            s += x**k
        x = x + 0.1 * s
    return s * x


@trap(lambda: (vec(0.4, 0.9, -0.6),))
def dead_code(x):
    """Statements behind a return, a loop and a branch that cannot run."""
    s = x[0] * x[1]
    if False:
        s = s * 100.0
    while False:
        x[2] = s
    for _ in range(0):
        s = s + x[2]
    return s * x[2]
    s = 0.0
    return s


@trap(lambda: (0.7,))
def pass_and_ellipsis(x):
    """Bodies that do nothing, docstrings and expression statements."""
    """Another string."""
    y = x * x
    if y > 0.1:
        pass
    for _ in range(3):
        ...
    y * 3.0
    return y


@trap(lambda: (0.7, 3, -2))
def steps_of_both_signs(x, n, step):
    """The step of a range is known at run time only, and negative."""
    s = x
    for i in range(n, -n, step):
        s = s * x + i
    for i in range(-n, n, -step):
        s = s + math.sin(s * i)
    return s


@trap(lambda: (0.73,))
def loop_in_condition_of_loop(x):
    """A triangular nest with a break in the middle and a carried value."""
    s = 0.1
    for i in range(5):
        for j in range(i, 5):
            if s > 2.0:
                break
            for k in range(j):
                s = s + x * (k + 1.0) * s * 0.05
                if s > 1.5:
                    s = s - x
                    break
            else:
                s = s + x * 0.3
    return s


@trap(lambda: (vec(0.4, 0.9, -0.6),))
def flag_array(x):
    """A boolean array written in the loop decides the branches."""
    done = np.zeros(3, dtype=np.bool_)
    s = 1.0
    for k in range(6):
        i = (k * 2) % 3
        if done[i]:
            s = s * x[i] + 1.0
        else:
            s = s + x[i] * x[i]
            done[i] = True
    return s


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def walrus_order(x, y):
    """Operands are read left to right, and a walrus rebinds one in between."""
    return x * (x := x * y) + _square_times(x, (x := y * 2.0)) * x


def _square_times(a, b):
    return a * a * b


@trap(x4)
def array_rebound_in_own_loop(x):
    """The loop goes on over the array that it began with."""
    s = 0.0
    for v in x:
        x = x * 2.0
        s = s + v * x[0]
    return s


@trap(x4)
def array_rebound_in_enumerate(x):
    """The same under enumerate and zip, with swapped names."""
    s = 0.0
    y = x * 2.0
    for i, (u, v) in enumerate(zip(x, y, strict=True)):
        x, y = y, x * 0.5
        s = s + u * v * x[i]
    return s


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def over_list_literal(x, y):
    """The members of a literal list are evaluated once, before the loop."""
    s = 1.0
    for v in [x, y, 2.0]:
        x = s * v
        s = s * v + x
        y = 0.5
    return s


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def over_pairs(x, y):
    """Pairs of a literal tuple, whose names are rebound in the loop."""
    s = 1.0
    for u, v in ((x, y), (y, x * 2.0)):
        s = s * u + v
        x = s
        y = y * s
    return s + x


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def over_zip_of_tuples(x, y):
    """zip and enumerate of literal tuples."""
    s = 1.0
    for i, (u, v) in enumerate(zip((x, y), (y, x), strict=True)):
        x = u * s
        s = s * v + u * x + i
        y = s
    return s * y


@trap(x4)
def over_elements_that_change(x):
    """A literal tuple of elements that the body overwrites."""
    s = 1.0
    for v in (x[0], x[1], x[2] * x[3]):
        x[1] = s
        x[3] = 2.0
        s = s * v + 1.0
    return s


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def over_tuple_that_is_rebound(x, y):
    """The tuple's name is rebound in the loop over it."""
    t = (x, y)
    s = 1.0
    for v in t:
        t = (y * y, x)
        x = 5.0
        s = s * v + t[0]
    return s * t[1] + x


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def over_nested_tuples(x, y):
    """A loop over a tuple in a loop over a tuple."""
    s = 0.0
    for a in (x, y):
        for b in (a, x * a):
            x = a * b
            a = b
            s += a * b * x
    return s


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def over_tuple_with_break(x, y):
    """A loop over a tuple that breaks; its else and its variable."""
    s = 0.0
    for v in (x, y, x + y):
        if v > 1.5:
            break
        s += v * v
        y = y * 2.0
    else:
        s = s * v
    return s + v


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def and_or_of_integers(x, y):
    """`n or 3` with an int, and a comparison `and` a number."""
    n = 0
    m = n or 3
    return x * m * y + (x > 0.5 and y) * x


@trap(x4)
def condition_with_side_effect(x):
    """A condition of calls that write, not all of which are evaluated."""
    a = x.copy()
    if a[0] > 0.0 and _store(a) < 0.0 and _double(a) < 0.0:
        return a.sum() * a[0]
    return a[0]


@trap(x4)
def while_with_side_effect(x):
    """The condition of a while writes the array."""
    a = x.copy()
    n = 0
    while _halve(a) > 0.1:
        n += 1
        a[1] *= a[0]
    return a.sum() * n * a[1]


@trap(x4)
def bound_with_side_effect(x):
    """The bound of a loop is a call that writes the array, once."""
    a = x.copy()
    s = 1.0
    for i in range(_three(a)):
        s = s * a[0] + a[1] + i
        a[0] = s
    return s


@trap(x4)
def ternary_with_side_effect(x):
    """Both ends of a conditional expression write; the test is on what they write."""
    a = x.copy()
    y = _store(a) if a[0] > 0.0 else _double(a)
    z = _store(a) if a[0] > 0.0 else _double(a)
    return y * z * a.sum()


def _store(a):
    a[0] = a[1] * a[2]
    return a[0]


def _double(a):
    a[0] *= 2.0
    a[3] = a[0]
    return a[3]


def _halve(a):
    a[0] *= 0.5
    return a[0]


def _three(a):
    a[1] = a[0] * 3.0
    return 3


@trap(x4)
def last_iteration_skipped(x):
    """A value of the last iteration that was not skipped is read after the loop."""
    a = np.zeros(4)
    s = 0.0
    for k in range(3):
        t = 0.0
        for i in range(4):
            if i == k:
                continue
            t = x[i] * x[k]
            a[i] = t
        s += t * a[0]
    return s + t


@trap(x4)
def bits_decide(x):
    """Conditions and indices of bit operations."""
    s = 0.0
    for k in range(16):
        if k & (k >> 1):
            s += x[k & 3] * x[(k ^ 1) & 3]
        elif not k << 1:
            s *= x[1]
    return s


@trap(x4, jit=True)
def integer_carried(x):
    """An integer is carried by the loop in a way that cannot be run backwards."""
    k = 1
    s = 1.0
    for i in range(6):
        k = (k * 3 + i) % 4
        s = s * x[k] + x[(k * k) % 4]
        if k == 2:
            k += 1
    return s * x[k]


@trap(lambda: (vec(0.7, -1.3, 2.1, 0.4), 7))
def collatz(x, m):
    """An integer decides the length of the loop and its own next value."""
    s = 0.5
    while m != 1:
        if m % 2 == 0:
            m //= 2
        else:
            m = 3 * m + 1
        s = s * 0.7 + x[m % 4] * s
    return s


@trap(x4)
def stack_of_integers(x):
    """A walk through a tree by a stack of the function's own."""
    stack = np.zeros(8, dtype=np.int64)
    top = 1
    s = 0.0
    while top > 0:
        top -= 1
        k = stack[top]
        s = s + x[k % 4] * (k + 1.0) * x[0]
        if k < 3:
            stack[top] = 2 * k + 1
            stack[top + 1] = 2 * k + 2
            top += 2
        x[k % 4] += s * 0.1
    return s


@trap(x4)
def two_pointers(x):
    """Two indices approach each other, by what the body swaps."""
    i = 0
    j = 3
    s = 1.0
    while i < j:
        if x[i] < x[j]:
            s = s * x[i] + x[j]
            i += 1
        else:
            s = s + x[i] * x[j]
            j -= 1
        x[i], x[j] = x[j] * 1.1, x[i]
    return s * x[i]


@trap(x4)
def boolean_state(x):
    """A bool is carried by the loop and set from the active value."""
    up = True
    s = 1.0
    for i in range(4):
        if up and x[i] > 0.0:
            s = s * x[i]
            up = False
        elif not up:
            s = s + x[i] * s
            up = s < 0.5
        else:
            s -= x[i] ** 2
    return s if up else s * s


def _sweep(x, i):
    if i == 3:
        return x[i] * x[0]
    x[i] = x[i] * x[i + 1]
    r = _sweep(x, i + 1)
    x[i + 1] += r * x[i]
    return r * x[i]


@trap(x4)
def recursion_that_writes_and_returns(x):
    """A recursion writes before and after its call, and returns a number."""
    return _sweep(x, 0) + x[0] * x[3]


def _even(x, n):
    if n == 0:
        return x
    return x * _odd(x + 1.0, n - 1)


def _odd(x, n):
    if n == 0:
        return 1.0
    return x + _even(x * 0.5, n - 1)


@trap(lambda: (0.7, 1.2), wrt=(0, 1))
def mutual_recursion(x, y):
    """Two functions call one another."""
    return _even(x * y, 4) + _odd(y, 3)


@trap(x4)
def nested_endless_loops(x):
    """`while True` in `while True`, with two breaks and a statement between."""
    s = 1.0
    i = 0
    while True:
        j = 0
        while True:
            s = s * 0.8 + x[j] * x[i]
            if s > 1.5 or j == 3:
                break
            j += 1
        i += 1
        if i == 4 or s < -3.0:
            break
        s *= x[j]
    return s * x[i - 1] * x[j]


@trap(x4)
def counter_shared_by_loops(x):
    """Outer and inner loop have one counter."""
    s = 0.0
    for i in range(2):
        for i in range(3):
            s += x[i] * x[i] * (i + 1)
        s *= x[i]
    return s * i


def _either(u, v, c):
    for i in range(len(u)):
        if u[i] > 0.8:
            return u
        u[i] = np.sin(u[i] + c * v[i])
    return v


def _halved(u, depth):
    if depth <= 0:
        return u * 0.5
    w = _halved(u[::-1] * u[0], depth - 1)
    w[0] += np.sin(u[-1])
    return w


@trap(lambda: (np.array([0.3, 0.7, -0.2]), np.array([0.1, 0.4, 0.9])), wrt=(0, 1))
def one_of_two_arrays_returned(x, y):
    """What a helper returns from a loop or after it: run over backwards, given to a recursion."""
    z = _either(x * 1.0, y * 1.0, y[0])
    s = 0.0
    for v in reversed(z):
        s = s * y[1] + v
    return s + _halved(z, 2)[1]


def _rippled(u, k):
    if k <= 0 or k >= u.size:
        return
    u[k] = np.sin(u[k] + u[k - 1])
    _rippled(u, k - 1)


def _merge_sorted(u):
    n = u.size
    if n < 2:
        return
    h = n // 2
    _merge_sorted(u[:h])
    _merge_sorted(u[h:])
    out = np.empty(n)
    i, j = 0, h
    for k in range(n):
        if j >= n or (i < h and u[i] <= u[j]):
            out[k] = u[i]
            i += 1
        else:
            out[k] = u[j]
            j += 1
    u[:] = out


def _chain(u, v, k):
    if k == 0:
        return u
    u[k] = np.sin(u[k] * v[k - 1])
    return _chain(u, v, k - 1)


@trap(lambda: (np.array([0.3, 0.7, -0.2, 0.9]), 3), wrt=(0,))
def recursion_writes_a_part(x, m):
    """A recursive function writes a slice, a reversed view, a row and a column."""
    y = x * 1.0
    _rippled(y[1:], 2)
    z = y[::-1]
    _rippled(z, m)
    a = np.outer(y, x)
    _rippled(a[:, 1], 2)
    _rippled(a[2], 3)
    return np.sum(a * a * a) + a[m, 1] + z[0] * y[0]


@trap(lambda: (np.array([0.3, 0.7, -0.2, 0.9]),))
def recursion_sorts_halves(x):
    """Merge sort in place, by recursion on slices of what it is given."""
    y = x * x[::-1] + x
    _merge_sorted(y)
    return np.sum(y * y * np.arange(4.0)) + y[-1]


@trap(lambda: (np.array([0.3, 0.7, -0.2, 0.9]),))
def recursion_returns_the_part_it_wrote(x):
    """What comes back is the slice that was passed, and it is written again."""
    y = x * 1.0
    w = _chain(y[1:], x, 2)
    w[0] *= 2.0
    return np.sum(w * w) + np.prod(y)
