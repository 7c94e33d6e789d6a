"""What an expression of the user's program denotes while it is elaborated.

Elaboration runs the program on descriptions of values: a scalar is an expression of the core IR,
an array is its extents and a way to write any of its elements, a tuple is its members, and
everything known beforehand (modules, functions, strings, ``None``) is the Python object itself.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from srcad.ir.build import add, scale
from srcad.ir.nodes import Expr
from srcad.ir.types import Array, Scalar, Static, Tuple, Type


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a view: element k lies at ``start + step * k`` of an axis of the base."""

    base_axis: int
    start: Expr
    step: int


@dataclass(frozen=True, slots=True)
class View:
    """A window on an array: fixed positions on some axes of the base, the rest in steps.

    ``axes`` lists the axes of the view; an axis made by ``np.newaxis`` is None.
    """

    base: str
    fixed: tuple[tuple[int, Expr], ...]
    axes: tuple[Axis | None, ...]

    def index(self, at: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """The index into the base of element ``at`` of the view."""
        place = dict(self.fixed)
        for axis, k in zip(self.axes, at, strict=True):
            if axis is not None:
                place[axis.base_axis] = add(axis.start, scale(k, axis.step))
        return tuple(place[k] for k in sorted(place))

    @property
    def is_whole(self) -> bool:
        """Whether the view is the base itself."""
        return not self.fixed and all(
            a is not None
            and a.base_axis == k
            and a.step == 1
            and str(getattr(a.start, "value", 1)) == "0"
            for k, a in enumerate(self.axes)
        )


@dataclass(frozen=True, slots=True)
class ArrayValue:
    """An array: a view of a base, or (``view`` is None) a computation not yet stored anywhere."""

    dtype: str
    extents: tuple[Expr, ...]
    units: tuple[bool, ...]
    element: Callable[[tuple[Expr, ...]], Expr] = field(compare=False)
    reads: frozenset[str] = frozenset()
    """Bases whose elements it reads."""
    view: View | None = None
    scatter: tuple[str, Callable[[tuple[Expr, ...]], tuple[Expr, ...]]] | None = field(
        default=None, compare=False
    )
    """For elements picked by an index array: the base and the place of each element in it."""

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.extents)


@dataclass(frozen=True, slots=True)
class TupleValue:
    """A structure that cannot change: a tuple (``cls`` None), namedtuple, frozen dataclass; a list.

    ``keys`` are the names of the fields of a dataclass (in a result: the keys of a dict).
    """

    items: tuple["Value", ...]
    cls: type | None = None
    keys: tuple[str | int, ...] = ()

    def of(self, items: Iterable["Value"]) -> "TupleValue":
        """The same kind of structure of other items."""
        return TupleValue(tuple(items), self.cls, self.keys)


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
class RangeValue:
    """``range(start, stop, step)``."""

    start: Expr
    stop: Expr
    step: Expr


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """A function defined inside the program; ``scope`` is where its free names are looked up."""

    node: object
    scope: object = field(compare=False)
    defaults: tuple["Value", ...] = field(default=(), compare=False)
    """Values of the trailing parameters with defaults, evaluated where the function is defined."""
    keyword_defaults: tuple[tuple[str, "Value"], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class MaybeUnbound:
    """A value that a name holds on some paths only."""

    value: "Value"


Value = (
    Expr
    | ArrayValue
    | TupleValue
    | StaticValue
    | RangeValue
    | LocalFunction
    | MaybeUnbound
    | ObjectValue
    | Outside
    | BoundCall
)


def type_of(value: Value) -> Type:
    """The type of a result."""
    match value:
        case ArrayValue():
            return Array(value.dtype, value.ndim, value.units)
        case TupleValue():
            return Tuple(tuple(type_of(v) for v in value.items), value.cls, value.keys)
        case MaybeUnbound():
            return type_of(value.value)
        case StaticValue():
            return Static(value.value)
        case RangeValue() | LocalFunction() | ObjectValue() | Outside() | BoundCall():
            return Static(value)
    return Scalar(value.kind)
