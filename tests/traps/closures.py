"""Functions that see the variables of a call which is over, and those of another call of the same."""

from tests.traps.registry import EITHER, trap


def number():
    return (1.1,)


def holding(v):
    y = 2.0 * v

    def get():
        return y

    return get


def counting():
    items = [1.0]

    def get():
        return float(len(items)) + sum(items)

    return items, get


@trap(number)
def made_by_one_expression_twice(x):
    """Each sees the variable of its own call."""
    f, g = [holding(x * k) for k in (1.0, 2.0)]
    return f() + 10.0 * g()


@trap(number)
def appended_in_a_loop_that_is_written_out(x):
    fs = []
    for k in (1.0, 2.0):
        fs.append(holding(x * k))
    return fs[0]() + 10.0 * fs[1]()


@trap(number)
def kept_while_the_next_is_made(x):
    h = None
    s = 0.0
    for k in (1.0, 2.0, 3.0):
        before = h
        h = holding(k * x)
        if before is not None:
            s = 3.0 * s + before() * h()
    return s


@trap(number, policy=EITHER)
def kept_in_a_loop_that_is_counted(x):
    """The function of the last iteration is another one than that of before the loop."""
    g = holding(x)
    s = 0.0
    for i in range(3):
        h = holding(x * i)
        s += h() + g()
        g = h
    return s


@trap(number, policy=EITHER)
def chosen_by_a_branch(x):
    g = holding(x)
    if x < 2.0:
        g = holding(3.0 * x)
    return g()


@trap(number, policy=EITHER)
def sees_a_list_that_grows(x):
    items, get = counting()
    items.append(x)
    return x * get()


@trap(number, policy=EITHER)
def sees_a_list_that_grows_in_a_loop(x):
    items, get = counting()
    for k in range(3):
        if x * k > 1.0:
            items.append(x * k)
    return x * get()
