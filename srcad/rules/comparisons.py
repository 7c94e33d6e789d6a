"""Comparisons up to rounding, choices among arrays, sets of numbers, whole numbers."""

import cmath
import math

import numpy as np

from srcad.rules.registry import expand

# ---------------------------------------------------------------- comparisons


@expand(np.isclose)
def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether numbers are equal up to rounding, element by element."""
    near = (np.abs(a - b) <= atol + rtol * np.abs(b)) & np.isfinite(b) | (a == b)
    if equal_nan:
        near = near | (np.isnan(a) & np.isnan(b))
    return near


@expand(np.allclose)
def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all numbers are equal up to rounding."""
    return np.all(isclose(np.asarray(a), np.asarray(b), rtol, atol, equal_nan))


@expand(math.isclose)
def close_numbers(a, b, *, rel_tol=1e-09, abs_tol=0.0):
    """Whether two numbers are equal up to rounding."""
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= max(rel_tol * max(abs(a), abs(b)), abs_tol)


@expand(cmath.isnan)
def isnan(z):
    return math.isnan(np.real(z)) or math.isnan(np.imag(z))


@expand(cmath.isinf)
def isinf(z):
    return math.isinf(np.real(z)) or math.isinf(np.imag(z))


@expand(cmath.isfinite)
def isfinite(z):
    return math.isfinite(np.real(z)) and math.isfinite(np.imag(z))


@expand(np.asarray_chkfinite)
def asarray_chkfinite(a):
    """An array without NaN and infinities."""
    if not np.all(np.isfinite(a)):
        raise ValueError("array must not contain infs or NaNs")
    return np.asarray(a)


@expand(np.isneginf)
def isneginf(x):
    return x == -np.inf


@expand(np.isposinf)
def isposinf(x):
    return x == np.inf


@expand(np.iscomplex)
def iscomplex(x):
    return np.imag(x) != 0.0


@expand(np.isreal)
def isreal(x):
    return np.imag(x) == 0.0


@expand(np.isrealobj)
def isrealobj(x):
    return not np.iscomplexobj(x)


@expand(np.heaviside)
def heaviside(x1, x2):
    """0 below 0, 1 above it, and x2 there."""
    return np.where(x1 < 0.0, 0.0, np.where(x1 > 0.0, 1.0, x1 * 0.0 + x2 * (x1 == 0.0)))


# ---------------------------------------------------------------- choices


@expand(np.select)
def select(condlist, choicelist, default=0.0):
    """The first choice whose condition holds, element by element."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    out = np.where(condlist[-1], choicelist[-1], default)
    for k in range(len(condlist) - 2, -1, -1):
        out = np.where(condlist[k], choicelist[k], out)
    return out


@expand(np.choose)
def choose(a, choices):
    """Of several arrays the one that an integer names, element by element."""
    if np.any(np.asarray(a) < 0) or np.any(np.asarray(a) >= len(choices)):
        raise ValueError("invalid entry in choice array")
    out = np.where(np.asarray(a) == 0, choices[0], choices[-1])
    for k in range(1, len(choices) - 1):
        out = np.where(np.asarray(a) == k, choices[k], out)
    return out


# ---------------------------------------------------------------- sets of numbers


@expand(np.unique)
def unique(ar):
    """The different elements in ascending order."""
    s = np.sort(np.ravel(ar))
    keep = np.ones(s.shape[0], dtype=np.bool_)
    for i in range(1, s.shape[0]):
        keep[i] = s[i] != s[i - 1] and not (np.isnan(s[i]) and np.isnan(s[i - 1]))
    return s[keep]


@expand(np.union1d)
def union1d(ar1, ar2):
    """The elements of one or the other."""
    return unique(np.concatenate((np.ravel(ar1), np.ravel(ar2))))


@expand(np.intersect1d)
def intersect1d(ar1, ar2):
    """The elements of both, those of the first."""
    one = unique(ar1)
    return one[isin(one, ar2)]


@expand(np.setdiff1d)
def setdiff1d(ar1, ar2):
    """The elements of the first that the second has not."""
    one = unique(ar1)
    return one[~isin(one, ar2)]


@expand(np.setxor1d)
def setxor1d(ar1, ar2):
    """The elements of one of the two only."""
    return np.sort(np.concatenate((setdiff1d(ar1, ar2), setdiff1d(ar2, ar1))))


@expand(np.isin)
def isin(element, test_elements, *, invert=False):
    """Whether the elements occur in another array."""
    element, known = np.asarray(element), np.ravel(test_elements)
    found = np.zeros(element.shape, dtype=np.bool_)
    for at in np.ndindex(element.shape):
        for k in range(known.shape[0]):
            if element[at] == known[k]:
                found[at] = True
    return ~found if invert else found


@expand(np.trim_zeros)
def trim_zeros(filt, trim="fb"):
    """The vector without zeros in front and at the end."""
    start, stop = 0, filt.shape[0]
    if "f" in trim or "F" in trim:
        while start < stop and filt[start] == 0.0:
            start += 1
    if "b" in trim or "B" in trim:
        while stop > start and filt[stop - 1] == 0.0:
            stop -= 1
    return filt[start:stop].copy()


# ---------------------------------------------------------------- whole numbers


@expand(np.round, np.around)
def rounded(a, decimals=0):
    """The nearest decimal number of so many digits; even ones in the middle."""
    if decimals == 0:
        return np.rint(a)
    scale = 10.0 ** abs(decimals)
    return np.rint(a * scale) / scale if decimals > 0 else np.rint(a / scale) * scale


@expand(np.ldexp, math.ldexp)
def ldexp(x1, x2):
    """``x1 * 2**x2``."""
    return x1 * 2.0**x2


@expand(np.divmod)
def divmod_(x1, x2):
    return x1 // x2, x1 % x2


@expand(math.gcd, np.gcd)
def gcd(x1, x2):
    """The greatest common divisor of two integers."""
    if np.ndim(x1) > 0 or np.ndim(x2) > 0:
        raise NotImplementedError("gcd of arrays: loop over the elements")
    a, b = abs(x1), abs(x2)
    while b != 0:
        a, b = b, a % b
    return a


@expand(math.lcm, np.lcm)
def lcm(x1, x2):
    """The least common multiple of two integers."""
    return abs(x1 * x2) // max(gcd(x1, x2), 1)


# ---------------------------------------------------------------- numbers in order


@expand(np.logspace)
def logspace(start, stop, num=50, endpoint=True, base=10.0):
    """Powers whose exponents have the same distance."""
    return base ** np.linspace(start, stop, num, endpoint)


@expand(np.geomspace)
def geomspace(start, stop, num=50, endpoint=True):
    """Numbers whose ratios are the same."""
    out = np.exp(np.linspace(np.log(start), np.log(stop), num, endpoint))
    if num > 0:
        out[0] = start
    if num > 1 and endpoint:
        out[num - 1] = stop
    return out
