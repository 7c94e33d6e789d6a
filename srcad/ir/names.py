"""Names that cannot collide: every name of a generated function comes from one ``Names``."""

import builtins
import keyword

from srcad.ir.nodes import Binary, Call, Expr, Load, Var

RUNTIME = {
    "copies": ("set_copy",),
    "hints": ("over", "plus"),
    "inverses": ("cofactors", "determinant", "set_inverse"),
    "marks": ("stop_gradient", "straight_through"),
    "products": ("add_product", "add_products", "matmul_into", "set_product"),
    "schedules": (
        "disk_distance",
        "next_in_distance",
        "next_periodic",
        "next_snapshot",
        "segment_length",
        "snapshot_distance",
    ),
    "special": ("digamma",),
    "tapes": ("grow", "no_pool", "stack", "tape"),
    "threads": ("end_phase", "even_parts", "goes_on", "new_worker", "next_part", "power_of_two"),
    "unions": ("union",),
}
"""Functions that generated code may call, by the modules of ``srcad.runtime``."""
RUNTIME_NAMES = frozenset(name for names in RUNTIME.values() for name in names)
_TAKEN = (
    frozenset(dir(builtins))
    | frozenset(keyword.kwlist)
    | {"np", "math", "numba", "pool", "special", "get_num_threads", "prange", "unions"}
    | RUNTIME_NAMES
)


class Names:
    """Hands out each name once.

    >>> names = Names()
    >>> names.fresh("x"), names.fresh("x"), names.fresh("x_b")
    ('x', 'x_1', 'x_b')
    """

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        self._used = set(_TAKEN | taken)
        self._shown: dict[str, str] = {}
        self._written: set[str] = set()

    def fresh(self, base: str, shown: str = "") -> str:
        """``base`` itself if it is free, else ``base_1``, ``base_2``, ...

        ``shown`` is what messages call it, if not ``base``.
        """
        shown = shown or self._shown.get(base, base)
        base = (
            "".join(c if c.isalnum() or c == "_" else "_" for c in base).lstrip("0123456789") or "t"
        )
        name, k = base, 0
        while name in self._used:
            k += 1
            name = f"{base}_{k}"
        self._used.add(name)
        self._shown[name] = shown
        return name

    def shown(self, name: str) -> str:
        """What messages call a name: as the user wrote it.

        >>> names = Names()
        >>> names.fresh("u"), names.shown(names.fresh("u"))
        ('u', 'u')
        """
        return self._shown.get(name, name)

    def write(self, name: str) -> str:
        """The name itself where it is bound for the first time, a fresh one where it is again.

        What a rule says is written at each use of the rule, and values of an earlier one may
        still be needed.

        >>> names = Names()
        >>> names.write("w"), names.write("w")
        ('w', 'w_1')
        """
        if name not in self._written:
            self._written.add(name)
            self._used.add(name)
            return name
        return self.fresh(name)

    def call(self, base: str, shown: str) -> None:
        """Let messages call what is made from a base by another name."""
        self._shown.setdefault(base, shown)

    def release(self, kept: set[str]) -> None:
        """Forget all names but those kept: what used them is written again."""
        self._used = kept

    @property
    def used(self) -> frozenset[str]:
        """The names handed out so far."""
        return frozenset(self._used)


_LONGEST = 20
"""How long a name may be that says what a value is computed from."""


def value_name(expr: Expr) -> str:
    """What a value is called that has no name in the program.

    >>> x, i = Var("x", "float64"), Var("i", "int64")
    >>> value_name(Call("math.sin", (x,), "float64"))
    'sin_x'
    >>> value_name(Load("x", (i,), "float64"))
    'x_i'
    """
    match expr:
        case Var(name=name):
            return name
        case Load(array=array, index=index) if all(isinstance(i, Var) for i in index):
            return "_".join([array, *map(value_name, index)])
        case Call(function=function, args=args):
            title = function.rpartition(".")[2]
            simple = all(isinstance(a, Var | Load) for a in args)
            name = "_".join([title, *map(value_name, args)]) if simple else ""
            return name if 0 < len(name) <= _LONGEST else f"{title}_value"
        case Binary(op="/"):
            return "quotient"
        case Binary(op="**"):
            return "power"
    return "value"
