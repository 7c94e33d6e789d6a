"""Names that cannot collide: every name of a generated function comes from one ``Names``."""

import builtins
import keyword

_TAKEN = (
    frozenset(dir(builtins))
    | frozenset(keyword.kwlist)
    | {"np", "math", "numba", "pool", "tape", "stack", "grow", "no_pool", "digamma"}
)


class Names:
    """Hands out each name once.

    >>> names = Names()
    >>> names.fresh("x"), names.fresh("x"), names.fresh("x_b")
    ('x', 'x_1', 'x_b')
    """

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        self._used = set(_TAKEN | taken)

    def fresh(self, base: str) -> str:
        """``base`` itself if it is free, else ``base_1``, ``base_2``, ..."""
        base = (
            "".join(c if c.isalnum() or c == "_" else "_" for c in base).lstrip("0123456789") or "t"
        )
        name, k = base, 0
        while name in self._used:
            k += 1
            name = f"{base}_{k}"
        self._used.add(name)
        return name
