"""What an expression of the user's program denotes while it is elaborated.

Elaboration runs the program on descriptions of values: a scalar is an expression of the core IR,
an array is its extents and a way to write any of its elements, a tuple is its members, and
everything known beforehand (modules, functions, strings, ``None``) is the Python object itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from srcad.ir.build import add, integer, scale, sub
from srcad.ir.nodes import Binary, Compare, Const, Expr, Select
from srcad.ir.types import INT, Array, Scalar, Static, Tuple, Type


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a view: element k lies at ``start + step * k`` of an axis of the base."""

    base_axis: int
    start: Expr
    step: int


@dataclass(frozen=True, slots=True)
class View:
    """A window on an array: fixed positions on some axes of the base, the rest in steps.

    ``axes`` lists the axes of the view; an axis made by ``np.newaxis`` is None. ``part`` is
    "real" or "imag" for a view of that part of the elements.
    """

    base: str
    fixed: tuple[tuple[int, Expr], ...]
    axes: tuple[Axis | None, ...]
    part: str = ""

    def index(self, at: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """The index into the base of element ``at`` of the view."""
        place = dict(self.fixed)
        for axis, k in zip(self.axes, at, strict=True):
            if axis is not None:
                place[axis.base_axis] = add(axis.start, scale(k, axis.step))
        return tuple(place[k] for k in sorted(place))

    @property
    def is_identity(self) -> bool:
        """Whether every element is the element of the base that has the same index."""
        return not (self.fixed or self.part) and all(
            a is not None
            and a.base_axis == k
            and a.step == 1
            and str(getattr(a.start, "value", 1)) == "0"
            for k, a in enumerate(self.axes)
        )


@dataclass(frozen=True, slots=True, eq=False)
class ArrayValue:
    """An array: a view of a base, or (``view`` is None) a computation not yet stored anywhere.

    Views are equal if they are the same view; a computation is equal to itself only.
    """

    dtype: str
    extents: tuple[Expr, ...]
    units: tuple[bool, ...]
    element: Callable[[tuple[Expr, ...]], Expr]
    reads: frozenset[str] = frozenset()
    """Bases whose elements it reads."""
    view: View | None = None
    scatter: str | None = None
    """For elements picked by index arrays from a view: its base, which can be written."""
    masked: "Masked | None" = None
    """For elements picked by a mask: the mask, and the array that it is applied to."""
    readonly: bool = False
    """A view in NumPy, which cannot be written, that no ``View`` describes."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ArrayValue):
            return NotImplemented
        if self.view is None or other.view is None:
            return self.element is other.element and self.extents == other.extents
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.dtype, self.extents, self.view))

    def _key(self) -> tuple[object, ...]:
        own = self.dtype, self.extents, self.units, self.reads
        return *own, self.view, self.scatter, self.readonly

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.extents)


Site = tuple[str, int, int, str]
"""A place in the program: the scope, line, column and kind of an expression."""

CHOSEN = "chosen"
"""The kind of a place where one of several lists is chosen."""

JOINED = "joined"
"""The kind of a place where a name is one of two lists, by the path taken."""


@dataclass(frozen=True, slots=True)
class Masked:
    """``source[mask]``, the mask over the leading axes of the source."""

    mask: ArrayValue
    source: ArrayValue


@dataclass(frozen=True, slots=True)
class TupleValue:
    """A structure that cannot change: a tuple (``cls`` None), namedtuple, frozen dataclass; a list.

    ``keys`` are the names of the fields of a dataclass (in a result: the keys of a dict).
    """

    items: tuple["Value", ...]
    cls: type | None = None
    keys: tuple[str | int, ...] = ()
    tag: "ListTag | None" = field(default=None, compare=False)
    """For a list made in the program: which one it is, so that it can be changed in place."""

    def of(self, items: Iterable["Value"]) -> "TupleValue":
        """The same kind of structure of other items."""
        return replace(self, items=tuple(items))


@dataclass(frozen=True, slots=True, eq=False)
class ListTag:
    """The identity of a list: two names with equal tags denote one list.

    ``site`` says where the program makes it, if a run-time list can be made there; a ``fixed``
    list must not be changed: it is the caller's, or one of two lists.
    """

    site: Site | None = None
    fixed: bool = False
    either: tuple[object, ...] = ()
    """For one of several lists, by the path taken: where these are made."""


@dataclass(frozen=True, slots=True)
class ListValue:
    """A list of numbers whose length is known when the program runs only.

    Its items are the first ``count`` elements of an array that is replaced by a longer one when it
    is full. Both are variables of the generated program, so that all names of the list see a
    change.
    """

    array: str
    count: Expr
    site: Site = field(compare=False)


@dataclass(frozen=True, slots=True)
class RecordsValue:
    """A list of tuples whose length is known when the program runs only: a list for each member.

    ``columns`` is a tuple as its items are, of lists where these have numbers and arrays. The lists
    share the variable that counts the items.
    """

    columns: TupleValue
    count: Expr
    site: Site = field(compare=False)


@dataclass(frozen=True, slots=True)
class RowsValue:
    """What ``zip``, ``enumerate`` and ``reversed`` give to a loop: row k for k below a length."""

    length: Expr
    row: Callable[[Expr], "Value"] = field(compare=False)
    unrolled: bool = False
    """The number of a row must be known: some rows differ in kind."""
    lists: tuple[str, ...] = ()
    """The arrays of the lists among what is run over."""
    tags: tuple["ListTag", ...] = ()
    """The lists of known length among it."""


@dataclass(frozen=True, slots=True)
class ObjectValue:
    """A dict or an instance of a dataclass that can change: its members are cells of the heap.

    Two names for one object hold the same ``id``. ``label`` names variables of generated code.
    """

    id: str
    label: str = field(compare=False)
    cls: type = field(compare=False)


@dataclass(frozen=True, slots=True)
class Outside:
    """An object that the program reads from outside: its members are captured when they are read.

    ``path`` says which it is, ``fetch`` finds it at each call.
    """

    path: object
    value: object = field(compare=False)
    fetch: Callable[[], object] = field(compare=False)
    name: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class BoundCall:
    """A function with some arguments given: a bound method or a ``functools.partial``."""

    function: "Value"
    args: tuple["Value", ...]
    keywords: tuple[tuple[str, "Value"], ...] = ()


@dataclass(frozen=True, slots=True)
class StaticValue:
    """A Python object known when the code is generated."""

    value: object


@dataclass(frozen=True, slots=True)
class StarredValue:
    """``*items`` in a call or a list, as many as there are when the program runs."""

    contents: "ArrayValue"


@dataclass(frozen=True, slots=True)
class RangeValue:
    """``range(start, stop, step)``."""

    start: Expr
    stop: Expr
    step: Expr


@dataclass(frozen=True, slots=True, eq=False)
class LocalFunction:
    """A function defined inside the program; ``scope`` is where its free names are looked up.

    Two are equal if the same text sees the same variables: those of one inlined call.
    """

    node: object
    scope: object
    defaults: tuple["Value", ...] = ()
    """Values of the trailing parameters with defaults, evaluated where the function is defined."""
    keyword_defaults: tuple[tuple[str, "Value"], ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LocalFunction):
            return NotImplemented
        return self.node is other.node and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((id(self.node), self._key()))

    def _key(self) -> object:
        return getattr(self.scope, "key", None)


@dataclass(frozen=True, slots=True)
class DerivedFunction:
    """A derivative of a function of the program: what ``srcad.grad(g)`` is there; or a batch."""

    kind: str
    function: "Value"
    wrt: tuple[int | str, ...]
    is_single: bool
    has_aux: bool = False
    axes: object = None
    """For a batch: the axes of the arguments that the members lie along."""
    mode: str = "auto"
    """For a Jacobian: "fwd" by columns, "rev" by rows, "auto" what is less work."""


@dataclass(frozen=True, slots=True)
class PullbackFunction:
    """The pullback that ``srcad.vjp(g, *args)`` gives, with copies of the arguments."""

    function: "Value"
    args: tuple["Value", ...]
    keywords: tuple[tuple[str, "Value"], ...] = ()


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A result of a recursive function that is one of its arguments: array leaf ``leaf``."""

    leaf: int
    type: Type


@dataclass(frozen=True, slots=True)
class OptionalValue:
    """A value on the paths where ``given`` holds, None on the others."""

    value: "Value"
    given: Expr


@dataclass(frozen=True, slots=True)
class MaybeUnbound:
    """A value that a name holds on some paths only."""

    value: "Value"


Value = (
    Expr
    | ArrayValue
    | TupleValue
    | StaticValue
    | StarredValue
    | RangeValue
    | ListValue
    | RecordsValue
    | RowsValue
    | LocalFunction
    | MaybeUnbound
    | ObjectValue
    | Outside
    | BoundCall
    | DerivedFunction
    | PullbackFunction
    | OptionalValue
    | GivenValue
)


def trips(value: RangeValue) -> Expr:
    """How many numbers a range has; zero or less if it is empty."""
    if not isinstance(value.step, Const):
        sign = Select(Compare(">", value.step, integer(0)), integer(1), integer(-1), INT)
        span = sub(add(sub(value.stop, value.start), value.step), sign)
        return Binary("//", span, value.step, INT)
    step = int(value.step.value)
    span = sub(value.stop, value.start) if step > 0 else sub(value.start, value.stop)
    if abs(step) == 1:
        return span
    span = add(span, integer(abs(step) - 1))
    if isinstance(span, Const):
        return integer(int(span.value) // abs(step))
    return Binary("//", span, integer(abs(step)), INT)


def type_of(value: Value) -> Type:
    """The type of a result."""
    match value:
        case ArrayValue():
            return Array(value.dtype, value.ndim, value.units)
        case TupleValue():
            return Tuple(tuple(type_of(v) for v in value.items), value.cls, value.keys)
        case GivenValue():
            return Static(value)
        case MaybeUnbound() | OptionalValue():
            return type_of(value.value)
        case StaticValue():
            return Static(value.value)
        case RangeValue() | LocalFunction() | ListValue() | RecordsValue() | RowsValue():
            return Static(value)
        case ObjectValue() | Outside() | BoundCall() | DerivedFunction() | PullbackFunction():
            return Static(value)
    return Scalar(value.kind)
