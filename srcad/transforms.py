"""The transformations: ``grad``, ``vjp``, ``jvp``, ``jacobian``, ``hessian``, ``hvp``, ``batch``.

Each takes a plain Python function and returns one that is compiled from generated source. The
options are the same everywhere: ``jit``, ``fastmath``, ``parallel``, ``boundscheck``,
``vector_math``, ``cache`` (see ``srcad.config.Options``); in reverse mode also ``memory`` and
``progress``.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, TypedDict, Unpack, get_args, overload

import numpy as np

from srcad.backend.progress import require_bar
from srcad.batched import Batched
from srcad.binding import Signature, Wrt, require_function
from srcad.config import Options, in_bytes
from srcad.derivative import Derivative
from srcad.errors import ArgumentError, ArgumentValueError
from srcad.higher import Hvp
from srcad.jacobian import Hessian, Jacobian, Mode
from srcad.pullback import Pullback, Vjp
from srcad.pushforward import Jvp
from srcad.transformation import is_made_of_another


class OptionKeywords(TypedDict, total=False):
    """The options, as keywords."""

    jit: bool
    fastmath: bool
    parallel: bool
    boundscheck: bool
    vector_math: bool
    cache: bool


class ReverseKeywords(OptionKeywords, total=False):
    """The options of what is reversed, as keywords."""

    memory: int | str | None
    progress: bool


@overload
def grad(
    f: Callable[..., Any],
    /,
    wrt: Wrt = 0,
    *,
    has_aux: bool = False,
    **options: Unpack[ReverseKeywords],
) -> Derivative: ...


@overload
def grad(
    f: None = None, /, wrt: Wrt = 0, *, has_aux: bool = False, **options: Unpack[ReverseKeywords]
) -> Callable[[Callable[..., Any]], Derivative]: ...


def grad(
    f: Callable[..., Any] | None = None,
    /,
    wrt: Wrt = 0,
    *,
    has_aux: bool = False,
    **options: Unpack[ReverseKeywords],
) -> Derivative | Callable[[Callable[..., Any]], Derivative]:
    """The gradient of a function, as a function with the same signature.

    For ``f: (x, ...) -> y`` with a float scalar ``y``, ``grad(f)(x, ...)`` is ``dy/dx``: with
    ``x`` an array, the array of ``dy/dx[i]``. One reverse sweep gives all of it.

    Parameters
    ----------
    f
        A Python function whose source can be read, or one that Numba has compiled. Its arguments
        are numbers, float, complex, integer or bool arrays of any shape and memory order,
        tuples, namedtuples and lists of these, strings and functions. Left out, a decorator is
        returned: ``@grad`` and ``@grad(wrt="k")`` both work.
    wrt
        The position or the name of a parameter, or a tuple of these.
    has_aux
        f returns ``(y, aux...)``; then the result is ``(gradient, aux)``.
    **options
        ``jit=True`` (False runs the generated Python as it is), ``fastmath=False``,
        ``parallel=False``, ``boundscheck=True``, ``vector_math=True`` (exp, sin and the like
        for several elements of an array at once), ``cache=True``.
        ``memory=None``: the bytes, such as ``"1GB"``, that a call may take above its arguments;
        where storing all takes more, states of loops are kept in place of tapes, and iterations run
        again. ``progress=False``: whether a call shows how many of its steps are done.

    Returns
    -------
    Derivative
        Its result has the structure, shape and dtype of the argument (None for members that are
        not floats), and is a tuple of such where ``wrt`` is a tuple.

    Raises
    ------
    ArgumentError, ArgumentValueError
        ``wrt`` names no parameter; in the call: the argument is an integer, f returns no scalar.
    SourceNotFoundError
        f is built in.
    UnsupportedError
        At the first call: f uses what srcad cannot differentiate exactly.
    TapeMemoryError
        In the call: it would keep more than ``memory``, or than the memory that is free.

    Examples
    --------
    >>> def energy(x, k):
    ...     return 0.5 * k * x * x
    >>> grad(energy, jit=False)(3.0, 2.0)
    6.0
    >>> grad(energy, wrt=("k", 0), jit=False)(3.0, 2.0)
    (4.5, 6.0)
    """
    return _derivative(grad, f, wrt, has_aux, options, with_value=False)


@overload
def value_and_grad(
    f: Callable[..., Any],
    /,
    wrt: Wrt = 0,
    *,
    has_aux: bool = False,
    **options: Unpack[ReverseKeywords],
) -> Derivative: ...


@overload
def value_and_grad(
    f: None = None, /, wrt: Wrt = 0, *, has_aux: bool = False, **options: Unpack[ReverseKeywords]
) -> Callable[[Callable[..., Any]], Derivative]: ...


def value_and_grad(
    f: Callable[..., Any] | None = None,
    /,
    wrt: Wrt = 0,
    *,
    has_aux: bool = False,
    **options: Unpack[ReverseKeywords],
) -> Derivative | Callable[[Callable[..., Any]], Derivative]:
    """The value and the gradient of a function, from one forward and one reverse sweep.

    As ``grad`` (which lists parameters and errors), but the result is ``(y, gradient)``. With
    ``has_aux=True``, where f returns ``(y, aux...)``, it is ``((y, aux), gradient)``: one aux is
    given bare, several as a tuple.

    Examples
    --------
    >>> def energy(x, k):
    ...     return 0.5 * k * x * x
    >>> value_and_grad(energy, jit=False)(3.0, 2.0)
    (9.0, 6.0)
    """
    return _derivative(value_and_grad, f, wrt, has_aux, options, with_value=True)


def vjp(
    f: Callable[..., Any], /, *args: Any, outputs: str | tuple[str, ...] = (), **keywords: Any
) -> tuple[Any, Pullback]:
    """The result of a function and its pullback, the map of cotangents by the transposed Jacobian.

    For ``out = f(*args)`` with Jacobian ``J``, ``pullback(seed)`` is ``J^T seed``, one entry for
    each of ``args``.

    Parameters
    ----------
    f
        A Python function whose source can be read. It may return nothing and fill arrays instead.
    *args
        Its arguments, which are neither changed nor kept: the pullback holds copies.
    outputs
        Names of array arguments that f writes and whose final state counts as an output.
    **keywords
        Further arguments of f, which get no cotangent, and the options of ``grad``; a keyword
        that is the name of an option is one.

    Returns
    -------
    out
        What f returns. With ``outputs``: the flat tuple of the floats and float arrays that f
        returns and then of the named arguments' final states; a single one is given bare.
    pullback
        A function of a seed in the structure of ``out`` (anything for members that are not
        floats). It returns a tuple with one entry for each of ``args``: its cotangent, or None
        where it carries none. It may be called many times.

    Raises
    ------
    ArgumentError, ArgumentValueError
        ``outputs`` names no array argument; arrays overlap of which f writes one; from the
        pullback: the seed does not have the structure, shape or dtype of ``out``.
    UnsupportedError
        f uses what srcad cannot differentiate exactly.

    Examples
    --------
    >>> import numpy as np
    >>> def scaled(x, c):
    ...     return c * x
    >>> out, pullback = vjp(scaled, np.array([1.0, 2.0]), 3.0, jit=False)
    >>> out
    array([3., 6.])
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 3., 30.]), 21.0)
    """
    function, names, kwargs, options = _called("vjp", f, outputs, keywords)
    return _vjp_of(function, names, options)(args, kwargs)


def jvp(
    f: Callable[..., Any],
    /,
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    outputs: str | tuple[str, ...] = (),
    directions: int | None = None,
    **keywords: Any,
) -> tuple[Any, Any]:
    """The result of a function and its derivative along a direction: forward mode.

    For ``out = f(*primals)`` with Jacobian ``J``, the second result is ``J tangents``. Values and
    tangents are computed in one run, at a small multiple of the cost of f and of its memory,
    whatever the number of outputs.

    Parameters
    ----------
    f
        A Python function whose source can be read. It may return nothing and fill arrays instead.
    primals
        Its arguments, as a tuple. They are not changed.
    tangents
        A tuple with one entry for each of ``primals``: a direction in its structure, of its shapes
        and dtypes; None for zeros, and for what has no floats.
    outputs
        Names of array arguments that f writes and whose final state counts as an output.
    directions
        The number of directions, if there are several: then each array or float in ``tangents`` is
        an array with a further last axis of that length, and so is each in ``tangent_out``. f runs
        once for all of them, and loops over directions vectorise.
    **keywords
        Further arguments of f, which do not change, and the options of ``grad``; a keyword that is
        the name of an option is one.

    Returns
    -------
    out
        What f returns. With ``outputs``: the flat tuple of the floats and float arrays that f
        returns and then of the named arguments' final states; a single one is given bare.
    tangent_out
        Its derivative, in the same structure, None for members that are not floats.

    Raises
    ------
    ArgumentError, ArgumentValueError
        A tangent does not have the structure, shape or dtype of its argument, or not as many
        directions as were said; ``outputs`` names no array argument; arrays overlap of which f
        writes one.
    UnsupportedError
        f uses what srcad cannot differentiate exactly, or a function that has a rule for reverse
        mode only.

    Examples
    --------
    >>> import numpy as np
    >>> def scaled(x, c):
    ...     return c * x
    >>> jvp(scaled, (np.array([1.0, 2.0]), 3.0), (np.array([1.0, 0.0]), 1.0), jit=False)
    (array([3., 6.]), array([4., 2.]))
    >>> several = (np.eye(2, 3), np.array([0.0, 0.0, 1.0]))
    >>> jvp(scaled, (np.array([1.0, 2.0]), 3.0), several, directions=3, jit=False)[1]
    array([[3., 0., 1.],
           [0., 3., 2.]])
    """
    function, names, kwargs, options = _called("jvp", f, outputs, keywords)
    require_tuple("primals", primals)
    found = _jvp_of(function, names, options)
    if directions is None:
        return found(primals, tangents, kwargs)
    if isinstance(directions, bool) or not isinstance(directions, int | np.integer):
        raise ArgumentError(f"directions must be their number, an integer, not {directions!r}")
    if directions < 0:
        raise ArgumentValueError(f"directions must not be negative; it is {directions}")
    return found.along(primals, tangents, int(directions), kwargs)


def hvp(
    f: Callable[..., Any],
    /,
    args: Sequence[Any],
    vectors: Any,
    wrt: Wrt = 0,
    **keywords: Any,
) -> Any:
    """The product of the Hessian of a function with a vector: forward mode over reverse mode.

    For ``y = f(*args)``, a float, ``H = d2y/dx2`` with respect to the arguments in ``wrt``, this is
    ``H vectors``: the derivative of the gradient along ``vectors``. The Hessian is not formed; the
    product costs a small multiple of one gradient.

    Parameters
    ----------
    f
        A Python function whose source can be read and that returns one float.
    args
        Its arguments, as a tuple. They are not changed.
    vectors
        In the structure of the argument in ``wrt``; a tuple of such if ``wrt`` is a tuple. None
        stands for zeros.
    wrt
        The position or the name of a parameter, or a tuple of these.
    **keywords
        Further arguments of f, and the options of ``grad``.

    Returns
    -------
    In the structure, with the shapes and dtypes, of ``vectors``.

    Raises
    ------
    ArgumentError, ArgumentValueError
        A vector does not have the structure, shape or dtype of its argument; what ``grad`` raises.
    UnsupportedError
        f uses what srcad cannot differentiate exactly, or a function that has a rule for reverse
        mode only.

    Examples
    --------
    >>> import numpy as np
    >>> def cubes(x):
    ...     return np.sum(x * x * x)
    >>> hvp(cubes, (np.array([1.0, 2.0]),), np.array([1.0, 1.0]), jit=False)
    array([ 6., 12.])
    """
    function, _, kwargs, options = _called("hvp", f, (), keywords)
    require_tuple("args", args)
    return _hvp_of(function, wrt, options)(args, vectors, kwargs)


@overload
def jacobian(
    f: Callable[..., Any],
    /,
    wrt: Wrt = 0,
    mode: Mode = "auto",
    sparsity: Any = None,
    *,
    outputs: str | tuple[str, ...] = (),
    **options: Unpack[OptionKeywords],
) -> Jacobian: ...


@overload
def jacobian(
    f: None = None,
    /,
    wrt: Wrt = 0,
    mode: Mode = "auto",
    sparsity: Any = None,
    *,
    outputs: str | tuple[str, ...] = (),
    **options: Unpack[OptionKeywords],
) -> Callable[[Callable[..., Any]], Jacobian]: ...


def jacobian(
    f: Callable[..., Any] | None = None,
    /,
    wrt: Wrt = 0,
    mode: Mode = "auto",
    sparsity: Any = None,
    *,
    outputs: str | tuple[str, ...] = (),
    **options: Unpack[OptionKeywords],
) -> Jacobian | Callable[[Callable[..., Any]], Jacobian]:
    """The Jacobian of a function, as a function with the same signature.

    For ``f: (x, ...) -> y``, ``jacobian(f)(x, ...)`` is ``dy/dx``, of shape ``y.shape + x.shape``:
    ``J[i, j] = dy[i]/dx[j]`` for vectors, an array of the shape of x for a number y, a float for
    two numbers.

    Parameters
    ----------
    f
        A Python function whose source can be read. Left out, a decorator is returned.
    wrt
        The position or the name of a parameter, or a tuple of these.
    mode
        "fwd": by columns, one for each float of the arguments in wrt, up to 32 in one run. "rev":
        row by row, one run for each float of the result. "auto": by rows if they are fewer, and
        by columns up to four times as many as there are rows, if these are four or more (the
        function is run once to count the results; by rows also where it has a rule for reverse
        mode only).
    sparsity
        None for an array. "detect" for a ``scipy.sparse.csr_array`` of all outputs by all inputs,
        from few sweeps: the program is run on sets of inputs to find which entries there are, and
        columns (or rows, if they are fewer) that do not meet share a sweep. The pattern is that of
        the branches taken; it is found at each call unless nothing but shapes and integers can
        change it. Or the pattern itself, a sparse matrix or a boolean array: one more sweep along
        random numbers checks it.
    outputs
        Names of array arguments that f writes and whose final state counts as an output, as for
        ``vjp``.
    **options
        Those of ``grad``.

    Returns
    -------
    Jacobian
        For a result that is a tuple, dict or dataclass: one of the same structure, in which each
        float or array is replaced by its derivative. For an argument that is one: each derivative
        in turn has the structure of the argument. A tuple of all that where ``wrt`` is a tuple.
        None stands for members that are not floats. The dtype is that of the result. With
        ``sparsity`` each block is a matrix. ``.pattern(*args)`` is the pattern alone.

    Raises
    ------
    ArgumentError, ArgumentValueError
        ``wrt`` names no parameter; in the call: the argument has no floats or is complex, f
        returns no floats, a pattern that is given has the wrong shape or lacks entries.
    UnsupportedError
        At the first call: f uses what srcad cannot differentiate exactly, or in mode "fwd" a
        function that has a rule for reverse mode only.

    Examples
    --------
    >>> import numpy as np
    >>> def products(x):
    ...     return np.array([x[0] * x[1], x[1] * x[2]])
    >>> jacobian(products, jit=False)(np.array([1.0, 2.0, 3.0]))
    array([[2., 1., 0.],
           [0., 3., 2.]])
    >>> jacobian(products, sparsity="detect", jit=False)(np.array([1.0, 2.0, 3.0])).nnz
    4
    """
    chosen = options_of("jacobian", options)
    if mode not in get_args(Mode):
        raise ArgumentValueError(f"mode must be 'auto', 'fwd' or 'rev', not {mode!r}")
    if f is None:
        return functools.partial(
            jacobian, wrt=wrt, mode=mode, sparsity=sparsity, outputs=outputs, **options
        )
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    return Jacobian(f, wrt, mode, sparsity, names, chosen)


@overload
def hessian(
    f: Callable[..., Any], /, wrt: Wrt = 0, sparsity: Any = None, **options: Unpack[OptionKeywords]
) -> Hessian: ...


@overload
def hessian(
    f: None = None, /, wrt: Wrt = 0, sparsity: Any = None, **options: Unpack[OptionKeywords]
) -> Callable[[Callable[..., Any]], Hessian]: ...


def hessian(
    f: Callable[..., Any] | None = None,
    /,
    wrt: Wrt = 0,
    sparsity: Any = None,
    **options: Unpack[OptionKeywords],
) -> Hessian | Callable[[Callable[..., Any]], Hessian]:
    """The Hessian of a function, as a function with the same signature.

    For ``f: (x, ...) -> y`` with a float scalar ``y``, ``hessian(f)(x, ...)`` is ``d2y/dx2``, of
    shape ``x.shape + x.shape``: forward mode over reverse mode, up to 32 columns in one run.

    Parameters
    ----------
    f
        A Python function whose source can be read and that returns one float. Left out, a
        decorator is returned.
    wrt
        The position or the name of a parameter, or a tuple of these.
    sparsity
        As for ``jacobian``: None, "detect" or a pattern (an entry implies its mirror image). One
        product serves columns from which each entry, or its mirror image, can be read.
    **options
        Those of ``grad``.

    Returns
    -------
    Hessian
        For an argument that is a tuple, dict or dataclass: one of the same structure, whose
        members in turn have that structure. Where ``wrt`` is a tuple: a tuple of tuples, so that
        ``h[a][b]`` is the derivative by the arguments ``wrt[a]`` and ``wrt[b]``.

    Raises
    ------
    ArgumentError, ArgumentValueError
        What ``grad`` raises; the argument is complex.
    UnsupportedError
        At the first call: f uses what srcad cannot differentiate exactly, or a function that has a
        rule for reverse mode only.

    Examples
    --------
    >>> import numpy as np
    >>> def rosenbrock(x):
    ...     return (1.0 - x[0]) ** 2 + 100.0 * (x[1] - x[0] ** 2) ** 2
    >>> hessian(rosenbrock, jit=False)(np.array([1.0, 1.0]))
    array([[ 802., -400.],
           [-400.,  200.]])
    """
    chosen = options_of("hessian", options)
    if f is None:
        return functools.partial(hessian, wrt=wrt, sparsity=sparsity, **options)
    return Hessian(f, wrt, sparsity, chosen)


@overload
def batch(
    f: Callable[..., Any], /, axes: Any = 0, **options: Unpack[OptionKeywords]
) -> Batched: ...


@overload
def batch(
    f: None = None, /, axes: Any = 0, **options: Unpack[OptionKeywords]
) -> Callable[[Callable[..., Any]], Batched]: ...


def batch(
    f: Callable[..., Any] | None = None, /, axes: Any = 0, **options: Unpack[OptionKeywords]
) -> Batched | Callable[[Callable[..., Any]], Batched]:
    """A function called for each member of arrays, in one compiled loop.

    ``batch(f)(x, ...)[k]`` is ``f(x[k], ...)`` for each ``k``. f is any function that srcad reads,
    or what one of its transformations returns: ``batch(grad(f))`` gives a gradient for each member.
    The batch may itself be differentiated, batched again, and called from compiled code.

    Parameters
    ----------
    f
        A function of numbers, arrays, or structures of these. Left out, a decorator is returned.
    axes
        Which axis of the arguments the members lie along. An integer holds for every array given,
        structures looked into; numbers, strings and functions are the same for all members. A tuple
        has an entry for each argument by position, a dict by name: an integer, None where all
        members have the argument in common (as those have that are left out), or for a structure a
        tuple or dict of such entries.
    **options
        Those of ``grad``. With ``parallel=True`` the members are divided among threads
        (``numba.set_num_threads`` says how many); the results are the same.

    Returns
    -------
    Batched
        A function of the same parameters. It returns what f returns, each number an array with one
        axis and each array one with one more axis, the first; dtypes stay. Each member works on
        arrays of its own: what f writes into its arguments changes neither them nor another member.

    Raises
    ------
    ArgumentError, ArgumentValueError
        axes do not fit the arguments, or there is nothing to map over.
    ValueError
        In the call: arguments have different numbers of members, or results different shapes. Of no
        members at all, where the shape of a result is known only when f has run.
    UnsupportedError
        At the first call: f uses what srcad cannot read, returns nothing, or changes what its
        caller has; with ``parallel=True`` also if it prints, draws random numbers or calls Python.
    Exception
        What f raises for the first member that raises.

    Examples
    --------
    >>> import numpy as np
    >>> def energy(x, k):
    ...     return 0.5 * k * np.sum(x * x)
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> batch(energy, jit=False)(x, 2.0)
    array([ 5., 25., 61.])
    >>> batch(grad(energy), axes=(0, 0), jit=False)(x, np.array([1.0, 0.0, 2.0]))
    array([[ 1.,  2.],
           [ 0.,  0.],
           [10., 12.]])
    """
    chosen = options_of("batch", options)
    if f is None:
        return functools.partial(batch, axes=axes, **options)
    return Batched(f, axes, chosen)


def require_tuple(name: str, given: object) -> None:
    """Raise ``ArgumentError`` unless the arguments of a function are given as a tuple."""
    if not isinstance(given, tuple | list):
        raise ArgumentError(
            f"{name} must be a tuple of arguments, not {type(given).__name__}", hint="write (x,)"
        )


def _called(
    caller: str, f: Callable[..., Any], outputs: str | tuple[str, ...], keywords: dict[str, Any]
) -> tuple[Callable[..., Any], tuple[str, ...], dict[str, Any], Options]:
    """The function, the names of outputs, and keywords told apart from options."""
    function = f if is_made_of_another(f) else require_function(f)
    named = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    if not keywords:
        return function, named, keywords, Options()
    signature = Signature(function, whole=True)
    names = set(_NAMES) - (set(_OF_REVERSE) & set(signature.names))
    options: Any = {k: v for k, v in keywords.items() if k in names}
    kwargs = {k: v for k, v in keywords.items() if k not in names}
    unknown = [k for k in kwargs if k not in signature.names]
    if unknown:
        raise _unknown_option(caller, unknown[0], f", and {signature.name} has no such parameter")
    return function, named, kwargs, options_of(caller, options)


_NAMES = tuple(field.name for field in dataclasses.fields(Options))
_OF_REVERSE = ("memory", "progress")
"""Options that make sense where tapes are kept."""


def _derivative(
    transform: Callable[..., Any],
    f: Callable[..., Any] | None,
    wrt: Wrt,
    has_aux: bool,
    options: ReverseKeywords,
    with_value: bool,
) -> Derivative | Callable[[Callable[..., Any]], Derivative]:
    chosen = options_of(transform.__name__, options)
    if f is None:
        return functools.partial(transform, wrt=wrt, has_aux=has_aux, **options)
    return Derivative(f, wrt, with_value=with_value, has_aux=has_aux, options=chosen)


def options_of(caller: str, keywords: Any) -> Options:
    """The options that keywords of a public function say; raises ``ArgumentError`` for others."""
    chosen = dict(keywords)
    for name, value in keywords.items():
        if name not in _NAMES:
            raise _unknown_option(caller, name)
        if name in _OF_REVERSE and caller not in ("grad", "value_and_grad", "vjp"):
            raise ArgumentError(f"{name} is an option of grad, value_and_grad and vjp")
        if name == "memory":
            chosen[name] = _memory(value)
        elif not isinstance(value, bool):
            raise ArgumentError(f"the option {name} must be True or False, not {value!r}")
        elif name == "progress" and value:
            require_bar()
    return Options(**chosen)


def _memory(given: Any) -> int | None:
    """The bytes that ``memory`` says."""
    if given is None:
        return None
    if isinstance(given, str):
        try:
            given = in_bytes(given)
        except ValueError as error:
            raise ArgumentValueError(str(error)) from None
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        raise ArgumentError(
            f"memory must be an amount such as '1GB', or a number of bytes, not {given!r}"
        )
    if given < 1:
        raise ArgumentValueError(f"memory must be positive; it is {given}")
    return int(given)


def _unknown_option(caller: str, name: str, also: str = "") -> ArgumentError:
    return ArgumentError(
        f"{caller}() got an unexpected keyword {name!r}: it is no option{also}",
        hint=f"the options are {', '.join(_NAMES)}",
    )


@functools.lru_cache(maxsize=256)
def _vjp_of(function: Callable[..., Any], outputs: tuple[str, ...], options: Options) -> Vjp:
    return Vjp(Signature(function, whole=True), outputs, options)


@functools.lru_cache(maxsize=256)
def _jvp_of(function: Callable[..., Any], outputs: tuple[str, ...], options: Options) -> Jvp:
    return Jvp(Signature(function, whole=True), outputs, options)


@functools.lru_cache(maxsize=256)
def _hvp_of(function: Callable[..., Any], wrt: Wrt, options: Options) -> Hvp:
    return Hvp(Signature(function, whole=True), wrt, options)
