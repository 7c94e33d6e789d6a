"""What Python would raise while the program runs, the gradient raises too; and the next call works."""

import math

import numpy as np

from srcad.errors import UndefinedNameError
from tests.refused.registry import raises, refused

THREE = lambda: (np.array([0.5, 1.5, 2.5]),)  # noqa: E731


def _needs_positive(x):
    if x < 0.0:
        raise ValueError("negative length")
    return math.sqrt(x)


@refused(lambda: (0.5,), "speed_of_light", "not defined|undefined", error=UndefinedNameError)
def undefined_name(x):
    return x * speed_of_light  # noqa: F821  # <-- here


@refused(lambda: (0.5,), "hyperbolic", error=(AttributeError, NameError, NotImplementedError))
def undefined_attribute(x):
    return math.hyperbolic(x)  # <-- here


@refused(lambda: (0.5,), "argument", error=TypeError)
def helper_with_too_many_arguments(x):
    return _needs_positive(x, 1.0)  # <-- here


@refused(lambda: (np.ones((2, 2)),), "too many indices|indices", error=(IndexError, ValueError))
def too_many_indices(a):
    return a[0, 1, 0]  # <-- here


@refused(lambda: (0.5,), "unpack|values", error=(ValueError, TypeError))
def unpacks_too_few(x):
    a, b, c = (x, x * x)  # <-- here
    return a * b * c


@refused(lambda: (0.5,), "tuple", "range|index", error=(IndexError, ValueError))
def tuple_index_out_of_range(x):
    t = (x, x * x)
    return t[2]  # <-- here


@raises(THREE, IndexError, "3|bounds|range")
def index_too_large(x):
    return x[x.size] * x[0]


@raises(THREE, IndexError, "-4|bounds|range")
def index_too_negative(x):
    return x[-4] * x[0]


@raises(lambda: (np.ones(3), 5), IndexError, "bounds|range")
def store_out_of_range_in_a_loop(x, n):
    s = 0.0
    for i in range(n):
        x[i] = x[i] * 2.0
        s += x[i]
    return s


@raises(lambda: (np.ones(3), np.array([0, 7])), IndexError, "bounds|range")
def index_from_data(x, where):
    s = 0.0
    for k in where:
        s += x[k]
    return s


@raises(lambda: (np.ones((2, 3)),), IndexError, "bounds|range")
def wrong_axis_order(a):
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s += a[j, i]
    return s


@raises(lambda: (0.5, 0), ZeroDivisionError, "zero")
def integer_floor_division(x, n):
    return x * (7 // n)


@raises(lambda: (0.5, 0), ZeroDivisionError, "zero")
def integer_remainder(x, n):
    return x * (7 % n)


@raises(lambda: (-0.5,), ValueError, "negative length")
def raise_in_a_helper(x):
    return _needs_positive(x) * x


@raises(lambda: (12.0,), ValueError, "too large")
def raise_in_a_loop(x):
    for _ in range(3):
        x = x * x
        if x > 100.0:
            raise ValueError("too large")
    return x


@raises(lambda: (-0.5,), AssertionError, "must be positive")
def assertion(x):
    assert x > 0.0, "x must be positive"
    return x * x


@raises(lambda: (-0.5,), UnboundLocalError, "y")
def unbound_local(x):
    if x > 0.0:
        y = x * x
    return y * x


@raises(lambda: (0.5, 0), UnboundLocalError, "k")
def counter_without_trips(x, n):
    for k in range(n):  # noqa: B007
        x = x * x
    return x * k


@raises(lambda: (np.ones(3), np.ones(4)), ValueError, "length|shape|broadcast|dimension")
def shapes_do_not_match(x, y):
    return np.sum(x * y)


@raises(lambda: (np.ones(3), np.ones(4)), ValueError, "length|shape|broadcast|dimension")
def slice_of_another_length(x, y):
    x[1:] = y
    return np.sum(x)


@raises(lambda: (np.ones((2, 3)), np.ones((2, 3))), ValueError, "align|shape|dimension|mismatch")
def matrix_product_of_mismatched_shapes(a, b):
    return np.sum(a @ b)


@raises(lambda: (np.ones(3), np.ones(2)), ValueError, "align|shape|dimension|mismatch")
def dot_of_mismatched_lengths(x, y):
    return np.dot(x, y)


@raises(lambda: (np.zeros(0),), ValueError, "empty|zero-size")
def maximum_of_nothing(x):
    return np.max(x) * 2.0


@raises(lambda: (0.5, -2), ValueError, "negative")
def negative_dimension(x, n):
    y = np.zeros(n)
    return x + np.sum(y)


@raises(lambda: (0.5, 0), ValueError, "step|zero")
def range_with_step_zero(x, step):
    for _ in range(0, 5, step):
        x = x * x
    return x


@raises(lambda: (np.array([0.5, 1.5]),), ValueError, "unpack|values|length")
def unpacks_a_short_array(p):
    a, b, c = p
    return a * b * c


@raises(lambda: (np.ones(3), np.array([0, 3])), IndexError, "bounds|range")
def index_array_out_of_range(x, index):
    return np.sum(x[index])


@raises(lambda: (np.ones(3), np.array([0, -4])), IndexError, "bounds|range")
def index_array_out_of_range_written(x, index):
    x[index] = 2.0
    return np.sum(x)


@raises(lambda: (np.ones((2, 3)), np.array([0, 2]), np.array([0, 2])), IndexError, "bounds|range")
def second_index_array_in_range(a, i, j):
    return np.sum(a[i, j])


@raises(lambda: (np.ones((2, 3)), np.array([0, 1]), np.array([0, 1, 2])), IndexError, "broadcast")
def index_arrays_of_other_shapes(a, i, j):
    return np.sum(a[i, j])


@raises(lambda: (np.ones(3),), IndexError, "bounds|range")
def list_of_indices_out_of_range(x):
    return np.sum(x[[0, 9]])


@raises(lambda: (np.ones(3), np.array([True, False])), IndexError, "boolean|mask")
def mask_of_another_length(x, mask):
    return np.sum(x[mask])


@raises(lambda: (np.ones(3), np.array([True, False, True]), np.ones(3)), ValueError, "length|shape")
def values_do_not_fit_the_mask(x, mask, v):
    x[mask] = v
    return np.sum(x)


@raises(lambda: (np.ones(3), np.array([0, 2]), np.ones(3)), ValueError, "length|shape|broadcast")
def values_do_not_fit_the_indices(x, index, v):
    np.add.at(x, index, v)
    return np.sum(x)


@raises(lambda: (np.ones(4), np.ones(3)), ValueError, "match|dimension")
def rows_of_other_lengths_stacked(x, y):
    return np.sum(np.stack((x, y)))


@raises(lambda: (np.ones(6), 6), ValueError, "bounds|index")
def unravelled_beyond_the_end(x, n):
    i, j = np.unravel_index(n, (2, 3))
    return x[i + j] * x[0]


@raises(lambda: (0.5, 3), UnboundLocalError, "'y'")
def reads_a_deleted_name(x, n):
    y = x
    if n > 2:
        del y
    return y * x


@raises(lambda: (0.5, 5), IndexError, "tuple or list index")
def index_of_a_tuple_from_data(x, k):
    t = (x, 2.0 * x)
    return t[k]


@raises(lambda: (np.array([0.5, 1.5]), 7), IndexError, "index k is out of bounds")
def index_beyond_a_collected_list(x, k):
    y = [v * v for v in x]
    return y[k]


@raises(lambda: (0.5, 0), IndexError, "pop from empty list|index")
def pops_too_often(x, n):
    stack = [x]
    for k in range(n):
        stack.append(x * k)
    while True:
        x += stack.pop()
        if x > 100.0:
            break
    return x


@raises(lambda: (np.ones(3), np.ones(2)), ValueError, "zip() argument 2")
def zip_of_different_lengths(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True))


@raises(lambda: (0.5, 5), IndexError, "index n is out of bounds for axis 0 of u (")
def message_in_the_names_of_the_program(x, n):
    u = np.ones(3)
    for _ in range(n):
        v = u * x
        u = v + 1.0
    return u[n] * u[0]


def _three(a, b, c):
    return a * b + c


def _third_is_optional(a, b, c=1.0):
    return a * b + c


@raises(lambda: (np.ones(2),), TypeError, "3 items")
def array_of_two_for_three_parameters(p):
    return _three(*p)


@refused(lambda: (np.ones(3),), "c", "name it")
def array_for_parameters_with_defaults(p):
    return _third_is_optional(*p)  # <-- here


@refused(lambda: (np.ones(3),), "items", "write")
def array_for_any_number_of_arguments(p):
    return math.hypot(*p)  # <-- here
