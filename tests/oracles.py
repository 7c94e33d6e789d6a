"""What a derivative should be, found without srcad: three oracles, each with its blind spots.

``complex_step``: f is run in plain Python on arguments with an imaginary part of 1e-20; the
imaginary part of the result is the derivative, exact to rounding (there is no difference of nearby
numbers). f's globals are replaced, in f and in every function that it calls, so that ``math``,
``np`` and ``float`` keep imaginary parts. Comparisons, ``int``, ``floor`` and the like look at the
real part; ``abs``, ``max``, ``min``, ``hypot`` and a few more, which are not analytic, continue the
formula of the side that the real part is on.
It cannot see: what happens at a kink or a tie (it takes the side that it is on), errors in the
primal (it reruns the same text), float32 rounding (it works in double precision), anything about
time, memory or the caller's arrays.

``differences``: central differences with two Richardson extrapolations. Needs nothing but the
function itself, so that it sees the primal as Numba or Python runs it.
It cannot see: errors below about 1e-9 relative, and a branch or a kink closer than the step
(it mixes both sides); a wrong derivative of a term that is tiny beside the others.

``dot_product``: <seed, J v> against <J^T seed, v> for one random direction v and one random seed.
One number for a whole pullback, so it is cheap for functions with many results.
It cannot see: an error that is orthogonal to v by accident (which direction is drawn is fixed by
the seed, so a failure repeats), nor which entry is wrong.

All are strict: a NaN or an infinity in the expected value is an error of the test unless the same
one is found in the answer, and never counts as equal to a number.
"""

import cmath
import math
import types
import warnings

import numpy as np

H = 1e-20
FLOATS = (float, np.floating)


# -------------------------------------------------------------------- numbers with a small imaginary part


def _re(z):
    return z.real if isinstance(z, complex | np.complexfloating | np.ndarray) else z


def _im(z):
    return z.imag if isinstance(z, complex | np.complexfloating | np.ndarray) else 0.0


class Z(complex):
    """A complex number that is ordered, rounded and divided with remainder by its real part.

    It has no ``__float__``: whatever would drop the imaginary part silently fails instead.
    """

    __slots__ = ()
    __array_priority__ = -10.0
    """NumPy's scalars leave operators with a Z to it; arrays do not."""

    def __lt__(self, other):
        return self.real < _re(other)

    def __le__(self, other):
        return self.real <= _re(other)

    def __gt__(self, other):
        return self.real > _re(other)

    def __ge__(self, other):
        return self.real >= _re(other)

    def __eq__(self, other):
        return self.real == _re(other)

    def __ne__(self, other):
        return self.real != _re(other)

    def __hash__(self):
        return hash(self.real)

    def __bool__(self):
        return self.real != 0.0

    def __int__(self):
        return int(self.real)

    def __round__(self, digits=None):
        return round(self.real, digits)

    def __floor__(self):
        return math.floor(self.real)

    def __ceil__(self):
        return math.ceil(self.real)

    def __trunc__(self):
        return math.trunc(self.real)

    def __abs__(self):
        return self if self.real > 0.0 else -self if self.real < 0.0 else Z(0.0)

    def __neg__(self):
        return Z(-self.real, -self.imag)

    def __pos__(self):
        return self

    def __pow__(self, other):
        return power(self, other)

    def __rpow__(self, other):
        return power(other, self)

    def __floordiv__(self, other):
        return self.real // _re(other)

    def __rfloordiv__(self, other):
        return _re(other) // self.real

    def __mod__(self, other):
        return remainder(self, other)

    def __rmod__(self, other):
        return remainder(other, self)


def _arithmetic(name):
    plain = getattr(complex, name)

    def method(self, other):
        if isinstance(other, np.ndarray):
            return NotImplemented
        if isinstance(other, np.generic):
            other = other.item()
        value = plain(self, other)
        return value if value is NotImplemented else Z(value)

    return method


for _name in ("add", "sub", "mul", "truediv"):
    setattr(Z, f"__{_name}__", _arithmetic(f"__{_name}__"))
    setattr(Z, f"__r{_name}__", _arithmetic(f"__r{_name}__"))


def _build(re, im):
    """Real and imaginary parts as a Z or an array of complex numbers."""
    if np.ndim(re) == 0 and np.ndim(im) == 0:
        return Z(float(re), float(im))
    out = np.empty(np.broadcast_shapes(np.shape(re), np.shape(im)), np.complex128)
    out.real, out.imag = re, im
    return out


def first_order(value, *partials):
    """The continuation of a real function: its value, and the partials times the imaginary parts."""

    def function(*args):
        if not any(isinstance(a, complex | np.ndarray) and np.iscomplexobj(a) for a in args):
            return value(*args)
        re = [_re(a) for a in args]
        im = sum(
            np.where(_im(a) == 0.0, 0.0, p(*re)) * _im(a)
            for a, p in zip(args, partials, strict=True)
            if np.iscomplexobj(a)
        )
        return _build(value(*re), im)

    return function


def _pow_partials(x, n):
    with np.errstate(all="ignore"):
        return n * np.float64(x) ** (np.float64(n) - 1.0)


def _pow_value(x, n):
    with np.errstate(all="ignore"):
        return np.float64(x) ** n if np.ndim(x) == 0 else x**n


def _pow_exponent(x, n):
    with np.errstate(all="ignore"):
        return np.where(np.asarray(x) == 0.0, 0.0, np.asarray(x) ** n * np.log(np.abs(x)))


power = first_order(_pow_value, _pow_partials, _pow_exponent)
remainder = first_order(
    lambda x, m: x % m, lambda x, m: np.ones_like(x * 1.0), lambda x, m: -np.floor(x / m)
)
_erf_slope = lambda x: 2.0 / math.sqrt(math.pi) * np.exp(-(np.asarray(x) ** 2))  # noqa: E731


def _digamma(x):
    """The logarithmic derivative of gamma, by recurrence to x > 12 and its asymptotic series."""
    total = 0.0
    while x < 12.0:
        total -= 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    series = y * (
        1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (1 / 132 - y * 691 / 32760))))
    )
    return total + math.log(x) - 0.5 / x - series


def _hypot_value(x, y):
    return np.hypot(x, y)


hypot = first_order(_hypot_value, lambda x, y: x / np.hypot(x, y), lambda x, y: y / np.hypot(x, y))
atan2 = first_order(np.arctan2, lambda y, x: x / (x * x + y * y), lambda y, x: -y / (x * x + y * y))
copysign = first_order(
    np.copysign, lambda x, y: np.copysign(1.0, x) * np.copysign(1.0, y), lambda x, y: 0.0 * x
)
fmod = first_order(np.fmod, lambda x, y: 1.0 + 0.0 * x, lambda x, y: -np.trunc(x / y))
expm1 = first_order(np.expm1, np.exp)
log1p = first_order(np.log1p, lambda x: 1.0 / (1.0 + x))
cbrt = first_order(np.cbrt, lambda x: 1.0 / (3.0 * np.cbrt(x) ** 2))
logaddexp = first_order(
    np.logaddexp,
    lambda a, b: 1.0 / (1.0 + np.exp(b - a)),
    lambda a, b: 1.0 / (1.0 + np.exp(a - b)),
)
absolute = first_order(np.abs, np.sign)


def _pick(first):
    """max or min of two by the real part."""

    def function(a, b):
        if not np.iscomplexobj(a) and not np.iscomplexobj(b):
            return np.maximum(a, b) if first is np.greater_equal else np.minimum(a, b)
        out = np.where(first(_re(a), _re(b)), a, b)
        return out if out.ndim else Z(complex(out))

    return function


# -------------------------------------------------------------------- arrays


def _plain(x):
    return x.view(np.ndarray) if isinstance(x, ZArray) else x


def _wrap(x):
    if isinstance(x, tuple):
        return tuple(_wrap(v) for v in x)
    if isinstance(x, np.ndarray) and x.dtype.kind == "c":
        return x.view(ZArray) if x.ndim else Z(complex(x))
    if isinstance(x, complex) and not isinstance(x, Z):
        return Z(x)
    if isinstance(x, np.ndarray):
        return _plain(x)
    return x


_BY_REAL_PART = {
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.logical_and,
    np.logical_or, np.logical_not, np.floor, np.ceil, np.rint, np.trunc, np.sign, np.isnan,
    np.isfinite, np.isinf, np.signbit, np.floor_divide,
}  # fmt: skip
_REPLACED = {
    np.absolute: absolute, np.fabs: absolute, np.hypot: hypot, np.arctan2: atan2,
    np.copysign: copysign, np.fmod: fmod, np.expm1: expm1, np.log1p: log1p, np.cbrt: cbrt,
    np.logaddexp: logaddexp, np.power: power, np.float_power: power, np.remainder: remainder,
    np.maximum: _pick(np.greater_equal), np.fmax: _pick(np.greater_equal),
    np.minimum: _pick(np.less_equal), np.fmin: _pick(np.less_equal),
    np.degrees: lambda x: x * (180.0 / math.pi), np.radians: lambda x: x * (math.pi / 180.0),
    np.rad2deg: lambda x: x * (180.0 / math.pi), np.deg2rad: lambda x: x * (math.pi / 180.0),
}  # fmt: skip


class ZArray(np.ndarray):
    """A complex128 array whose elements are ``Z`` and whose ufuncs follow the rules above."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        inputs = tuple(_plain(x) for x in inputs)
        if ufunc in _BY_REAL_PART:
            inputs = tuple(_re(x) for x in inputs)
        elif ufunc in _REPLACED:
            if method != "__call__":
                raise TypeError(f"the oracle does not know {ufunc.__name__}.{method}")
            result = _REPLACED[ufunc](*inputs)
            if out is not None:
                out[0][...] = result
                return out[0]
            return _wrap(result)
        if out is not None:
            kwargs["out"] = tuple(_plain(x) for x in out)
            getattr(ufunc, method)(*inputs, **kwargs)
            return out[0]
        return _wrap(getattr(ufunc, method)(*inputs, **kwargs))

    def __getitem__(self, key):
        return _wrap(self.view(np.ndarray)[key])

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __pow__(self, other):
        return _wrap(power(_plain(self), _plain(other)))

    def max(self, axis=None):
        return _extreme(self, np.argmax, axis)

    def min(self, axis=None):
        return _extreme(self, np.argmin, axis)


def _extreme(a, choose, axis=None):
    a = np.asarray(a) if not isinstance(a, np.ndarray) else _plain(a)
    where = choose(a.real, axis=axis)
    if axis is None:
        return _wrap(a.reshape(-1)[where])
    return _wrap(np.take_along_axis(a, np.expand_dims(where, axis), axis).squeeze(axis))


def _floating(dtype):
    return dtype is None or dtype is float or np.dtype(dtype).kind == "f"


class _Numpy:
    """numpy, but what allocates float arrays allocates complex ones."""

    def __init__(self):
        for name in ("zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like",
                     "full_like", "array", "asarray", "ascontiguousarray", "arange", "linspace",
                     "eye", "identity", "copy", "diag"):  # fmt: skip
            setattr(self, name, self._allocator(getattr(np, name)))
        self.max = self.amax = lambda a, axis=None: _extreme(a, np.argmax, axis)
        self.min = self.amin = lambda a, axis=None: _extreme(a, np.argmin, axis)
        self.float64 = self.float32 = _to_float
        # a ufunc of scalars only: no array there to dispatch on
        for ufunc in [*_REPLACED, *_BY_REAL_PART]:
            setattr(self, ufunc.__name__, self._scalar_too(ufunc))
        self.abs = self.absolute
        self.mod = self.remainder
        self.pow = self.power
        for name in ("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
                     "arcsinh", "arccosh", "arctanh", "exp", "exp2", "log", "log2", "log10",
                     "sqrt", "square", "reciprocal", "negative", "add", "subtract", "multiply",
                     "divide", "true_divide", "sum", "mean", "dot", "matmul", "outer", "trace",
                     "where", "prod", "vdot", "concatenate", "stack", "hstack", "vstack", "roll",
                     "tile", "repeat", "flip", "append"):  # fmt: skip
            setattr(self, name, self._wrapped(getattr(np, name)))

    def __getattr__(self, name):
        return getattr(np, name)

    @staticmethod
    def _wrapped(function):
        return lambda *args, **kw: _wrap(function(*(_plain(a) for a in args), **kw))

    @staticmethod
    def _scalar_too(ufunc):
        def function(*args):
            args = tuple(_plain(a) for a in args)
            if not any(np.iscomplexobj(a) for a in args):
                return ufunc(*args)
            if ufunc in _BY_REAL_PART:
                return ufunc(*(_re(a) for a in args))
            return _wrap(_REPLACED[ufunc](*args))

        return function

    @staticmethod
    def _allocator(function):
        def allocate(*args, **kwargs):
            args = [_dtype(a) for a in args]
            dtype = _dtype(kwargs.pop("dtype", None))
            if dtype is not None:
                kwargs["dtype"] = dtype
            args = [_plain(a) for a in args]
            out = function(*args, **kwargs)
            if out.dtype.kind == "f":
                out = out.astype(np.complex128)
            return out.view(ZArray) if out.dtype.kind == "c" else out

        return allocate


def _dtype(value):
    """``np.float64`` and ``np.float32`` of the stand-in are functions: the dtype that is meant."""
    return np.complex128 if value is _to_float or value is float else value


def _to_float(value=0.0):
    if isinstance(value, Z | ZArray):
        return value
    return float(value) if np.ndim(value) == 0 else np.asarray(value, np.float64)


def _lift(function, on_real):
    def lifted(x):
        return Z(function(x)) if isinstance(x, complex) else on_real(x)

    return lifted


def _math():
    shim = types.SimpleNamespace(**{k: v for k, v in vars(math).items() if not k.startswith("__")})
    for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
                 "acosh", "atanh", "exp", "sqrt", "log10"):  # fmt: skip
        setattr(shim, name, _lift(getattr(cmath, name), getattr(math, name)))
    log = _lift(cmath.log, math.log)
    shim.log = lambda x, base=None: log(x) if base is None else log(x) / log(base)
    shim.log2 = _lift(lambda z: cmath.log(z) / math.log(2.0), math.log2)
    shim.exp2 = _lift(lambda z: cmath.exp(z * math.log(2.0)), lambda x: 2.0**x)
    shim.pow, shim.fabs, shim.hypot, shim.atan2 = power, absolute, hypot, atan2
    shim.copysign, shim.fmod, shim.expm1, shim.log1p = copysign, fmod, expm1, log1p
    shim.cbrt = cbrt
    shim.erf = first_order(math.erf, _erf_slope)
    shim.erfc = first_order(math.erfc, lambda x: -_erf_slope(x))
    shim.lgamma = first_order(math.lgamma, _digamma)
    shim.gamma = first_order(math.gamma, lambda x: math.gamma(x) * _digamma(x))
    shim.degrees = lambda x: x * (180.0 / math.pi)
    shim.radians = lambda x: x * (math.pi / 180.0)
    for name in ("isnan", "isfinite", "isinf"):
        setattr(shim, name, (lambda plain: lambda x: plain(_re(x)))(getattr(math, name)))
    return shim


MATH, NUMPY = _math(), _Numpy()


# -------------------------------------------------------------------- functions


class _Converter:
    """Functions whose globals keep imaginary parts, made once for each function."""

    def __init__(self):
        self.functions = {}
        self.globals = {}

    def value(self, value):
        value = getattr(value, "py_func", value)
        if value is math:
            return MATH
        if value is np:
            return NUMPY
        if isinstance(value, types.FunctionType) and (value.__module__ or "").split(".")[0] not in (
            "numpy", "numba", "math"
        ):  # fmt: skip
            return self.function(value)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return value.astype(np.complex128).view(ZArray)
        if isinstance(value, types.BuiltinFunctionType) and value.__module__ == "math":
            return getattr(MATH, value.__name__)
        return value

    def function(self, f):
        f = getattr(f, "py_func", f)
        if id(f) in self.functions:
            return self.functions[id(f)]
        closure = f.__closure__
        scope = self.globals.setdefault(
            id(f.__globals__), {"__builtins__": f.__globals__["__builtins__"], "float": _to_float}
        )
        self.functions[id(f)] = made = types.FunctionType(
            f.__code__, scope, f.__name__, f.__defaults__, closure
        )
        made.__kwdefaults__ = f.__kwdefaults__
        if closure:
            cells = tuple(types.CellType(self.value(c.cell_contents)) for c in closure)
            made = types.FunctionType(f.__code__, scope, f.__name__, f.__defaults__, cells)
            made.__kwdefaults__ = f.__kwdefaults__
            self.functions[id(f)] = made
        for name in _names(f.__code__):
            if name in f.__globals__ and name not in scope:
                scope[name] = None
                scope[name] = self.value(f.__globals__[name])
        return made


def _names(code):
    names = set(code.co_names)
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            names |= _names(const)
    return names


def on_complex(f):
    """f, rebuilt so that it keeps the imaginary parts of its arguments."""
    converted = _Converter().function(f)

    def run(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            return converted(*args, **kwargs)

    return run


# -------------------------------------------------------------------- arguments


def fresh(x):
    """A private copy of an argument."""
    if isinstance(x, np.ndarray):
        return np.array(x, copy=True, order="K")
    if isinstance(x, tuple):
        return tuple(fresh(v) for v in x)
    return x


def is_differentiable(x):
    """Whether an argument carries a gradient: floats, float arrays."""
    if isinstance(x, np.ndarray):
        return x.dtype.kind == "f"
    return isinstance(x, FLOATS)


def leaves(x):
    """The float leaves of a result, in order: numbers and arrays."""
    if isinstance(x, tuple | list):
        return [leaf for v in x for leaf in leaves(v)]
    if isinstance(x, np.ndarray):
        return [x] if x.dtype.kind in "fc" else []
    return [x] if isinstance(x, (*FLOATS, complex)) else []


def widen(x):
    """Float arguments in double precision."""
    if isinstance(x, np.ndarray):
        return x.astype(np.float64) if x.dtype.kind == "f" else x.copy()
    return float(x) if isinstance(x, FLOATS) else x


def _imaginary(x):
    """An argument ready to take an imaginary part: a Z or a ZArray."""
    x = widen(x)
    if isinstance(x, np.ndarray):
        return x.astype(np.complex128).view(ZArray) if x.dtype.kind == "f" else x
    return Z(x) if isinstance(x, float) else x


def _imag(value):
    if isinstance(value, complex | np.complexfloating):
        return value.imag / H
    if isinstance(value, np.ndarray) and value.dtype.kind == "c":
        return np.asarray(value).imag / H
    return np.zeros(np.shape(value)) if np.ndim(value) else 0.0


# -------------------------------------------------------------------- oracles


def complex_step(f, args, index, kwargs=None):
    """The gradient of a scalar function with respect to one argument."""
    return _complex_step(on_complex(f), args, index, kwargs)


def _complex_step(run, args, index, kwargs=None):
    base = args[index]

    def at(k):
        moved = [_imaginary(a) for a in args]
        if k is None:
            moved[index] = Z(moved[index].real, H)
        else:
            moved[index].view(np.ndarray)[k] += H * 1j
        out = run(*moved, **(kwargs or {}))
        if isinstance(out, np.ndarray) and out.ndim:
            raise ValueError("the function returns an array, not a number")
        return _imag(out)

    if not isinstance(base, np.ndarray):
        return at(None)
    out = np.zeros(base.shape)
    for k in np.ndindex(base.shape):
        out[k] = at(k)
    return out


def differences(f, args, index, kwargs=None, step=2e-3):
    """The same, by central differences with two Richardson extrapolations."""
    base = args[index]

    def slope(k):
        def at(d):
            moved = [widen(a) for a in args]
            if k is None:
                moved[index] += d
            else:
                moved[index][k] += d
            return float(f(*moved, **(kwargs or {})))

        x = float(base if k is None else base[k])
        h = step * max(1.0, abs(x))
        d = [(at(h / 2**j) - at(-h / 2**j)) / (2 * h / 2**j) for j in range(3)]
        d1 = [(4 * d[1] - d[0]) / 3, (4 * d[2] - d[1]) / 3]
        return (16 * d1[1] - d1[0]) / 15

    if not isinstance(base, np.ndarray):
        return slope(None)
    out = np.zeros(base.shape)
    for k in np.ndindex(base.shape):
        out[k] = slope(k)
    return out


ORACLES = {"complex": complex_step, "differences": differences}
TOLERANCE = {"complex": 1e-8, "differences": 1e-6}


def outputs_of(f, positions, args, kwargs=None):
    """The flat float outputs of a procedure: results, then the mutated arguments ``positions``."""
    out = f(*args, **(kwargs or {}))
    return leaves(out) + [leaf for p in positions for leaf in leaves(args[p])]


class Weighted:
    """The scalar function <seeds, outputs of f>, whose gradient is the pullback of the seeds."""

    def __init__(self, f, positions, seeds):
        self.f, self.positions, self.seeds = f, positions, seeds

    def _total(self, f, args, kwargs):
        outs = outputs_of(f, self.positions, args, kwargs)
        if len(outs) != len(self.seeds):
            raise ValueError(f"{len(outs)} outputs, {len(self.seeds)} seeds")
        return sum(
            (np.sum(np.asarray(o) * s) for o, s in zip(outs, self.seeds, strict=True)), start=0.0
        )

    def gradient(self, args, index, kwargs=None, oracle="complex"):
        """The cotangent of argument ``index``."""
        f = on_complex(self.f) if oracle == "complex" else self.f

        def total(*a, **k):
            return self._total(f, a, k)

        return (_complex_step if oracle == "complex" else differences)(total, args, index, kwargs)


def tangent(f, args, directions, positions=(), kwargs=None):
    """J v: the derivative of every float output along the directions (None: does not move)."""
    moved = []
    for a, v in zip(args, directions, strict=True):
        z = _imaginary(a)
        if v is not None and isinstance(z, np.ndarray):
            z.view(np.ndarray)[...] += 1j * H * np.asarray(v)
        elif v is not None:
            z = Z(z.real, H * float(v))
        moved.append(z)
    outs = outputs_of(on_complex(f), positions, moved, kwargs)
    return [_imag(o) for o in outs]


def directions_for(args, rng):
    """A random direction for each differentiable argument, None for the others."""
    return [rng.standard_normal(np.shape(a)) if is_differentiable(a) else None for a in args]


def dot_product(tangents, seeds, cotangents, directions):
    """(<seed, J v>, <J^T seed, v>, the size of the terms): equal but for rounding."""
    left = [np.asarray(t) * np.asarray(s) for t, s in zip(tangents, seeds, strict=True)]
    right = [
        np.asarray(c, np.float64) * v
        for c, v in zip(cotangents, directions, strict=True)
        if v is not None
    ]
    size = sum(float(np.sum(np.abs(t))) for t in left + right)
    return sum(float(np.sum(t)) for t in left), sum(float(np.sum(t)) for t in right), size


# -------------------------------------------------------------------- comparison


def mismatch(found, expected, tolerance, like=None, scale=None):
    """None if the answer is the expected one, else a sentence.

    The tolerance is relative to the largest entry expected (or to ``scale``); where all entries
    are zero the answer may differ by 1e-12. With ``like``, kind, dtype and shape must be those of
    the argument.
    """
    if like is not None:
        if isinstance(like, np.ndarray):
            if not isinstance(found, np.ndarray):
                return f"got {type(found).__name__} for an array"
            if found.dtype != like.dtype or found.shape != like.shape:
                return f"got {found.dtype}{found.shape} for {like.dtype}{like.shape}"
        elif not isinstance(found, FLOATS):
            return f"got {type(found).__name__} for a float"
    a, b = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if a.shape != b.shape:
        return f"shape {a.shape}, expected {b.shape}"
    if not (
        np.array_equal(np.isnan(a), np.isnan(b)) and np.array_equal(a[np.isinf(a)], b[np.isinf(b)])
    ):
        return f"got {a}, expected {b}"
    finite = np.isfinite(b)
    if not np.array_equal(finite, np.isfinite(a)):
        return f"got {a}, expected {b}"
    if scale is None:
        scale = float(np.max(np.abs(b[finite]), initial=0.0))
    worst = float(np.max(np.abs(a[finite] - b[finite]), initial=0.0))
    if worst > tolerance * scale + 1e-12:
        return f"got {a}, expected {b} (off by {worst:.3g}, {worst / (scale or 1.0):.3g} relative)"
    return None
