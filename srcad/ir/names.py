"""Names that cannot collide: every name of a generated function comes from one ``Names``."""

import builtins
import keyword

_TAKEN = (
    frozenset(dir(builtins))
    | frozenset(keyword.kwlist)
    | {"np", "math", "numba", "pool", "tape", "stack", "grow", "no_pool", "digamma", "special"}
    | {
        "add_product",
        "add_products",
        "determinant",
        "matmul_into",
        "disk_distance",
        "end_phase",
        "even_parts",
        "get_num_threads",
        "goes_on",
        "new_worker",
        "next_in_distance",
        "next_part",
        "next_periodic",
        "next_snapshot",
        "over",
        "snapshot_distance",
        "plus",
        "power_of_two",
        "prange",
        "segment_length",
        "set_inverse",
        "set_product",
        "stop_gradient",
        "straight_through",
        "union",
        "unions",
    }
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
