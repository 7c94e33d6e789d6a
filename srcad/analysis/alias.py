"""Which memory an array name can denote.

A *site* is a place where array memory comes from: a parameter, or a statement that makes an
array; it is named by the array that it makes. ``points_to`` gives the sites of each name, over
the whole function at once (a name that is never rebound has one site, itself). Two names can
alias only if they share a site.
"""

from srcad.ir.nodes import Bind, Block, Invoke, Pop, Push, Reshape, Store, Window, statements

Sites = dict[str, frozenset[str]]


def points_to(body: Block, arrays: set[str]) -> Sites:
    """The sites of every array name.

    >>> body = (Bind(("u", "v"), ("a", "b")), Bind(("u", "v"), ("v", "u")))
    >>> sorted(points_to(body, {"a", "b", "u", "v"})["u"])
    ['a', 'b']
    """
    bound: set[str] = set()
    edges: list[tuple[str, str]] = []
    for stmt in statements(body):
        match stmt:
            case Bind():
                edges += zip(stmt.targets, stmt.sources, strict=True)
                bound |= set(stmt.targets)
            case Window() | Reshape():
                edges.append((stmt.target, stmt.source))
                bound.add(stmt.target)
            case Push():
                edges.append((stmt.target, stmt.array))
                bound.add(stmt.target)
            case Pop():
                edges.append((stmt.array, stmt.source))
    sites: dict[str, set[str]] = {a: (set() if a in bound else {a}) for a in arrays | bound}
    for stmt in statements(body):
        target = getattr(stmt, "target", None)
        if (
            isinstance(target, str)
            and target in sites
            and type(stmt).__name__ in ("Alloc", "Copy", "MatMul", "ZerosLike")
        ):
            sites[target].add(target)
        if isinstance(stmt, Invoke):
            for name in stmt.targets:
                if isinstance(name, str) and name in sites:
                    sites[name].add(name)
    changed = True
    while changed:
        changed = False
        for target, source in edges:
            more = sites.setdefault(source, {source})
            if not more <= sites.setdefault(target, set()):
                sites[target] |= more
                changed = True
    return {name: frozenset(found) for name, found in sites.items()}


def strided_names(body: Block) -> frozenset[str]:
    """Array names that can denote memory that is not contiguous."""
    out: set[str] = set()
    size = -1
    while size != (size := len(out)):
        for stmt in statements(body):
            match stmt:
                case Window():
                    out.add(stmt.target)
                case Bind():
                    pairs = zip(stmt.targets, stmt.sources, strict=True)
                    out |= {t for t, s in pairs if s in out}
                case Push() if stmt.array in out:
                    out.add(stmt.target)
                case Pop() if stmt.source in out:
                    out.add(stmt.array)
    return frozenset(out)


def stored_sites(body: Block, sites: Sites) -> frozenset[str]:
    """Sites whose elements the block writes, other than for the first time."""
    out: set[str] = set()
    for stmt in statements(body):
        match stmt:
            case Store():
                out |= sites.get(stmt.array, frozenset((stmt.array,)))
            case Invoke():
                for name in stmt.writes:
                    out |= sites.get(name, frozenset((name,)))
    return frozenset(out)
