"""All programs of the zoo, in the order of their themes."""

from tests.programs import (  # noqa: F401
    arrays,
    branches,
    calls,
    comprehensions,
    dtypes,
    indexing,
    loops,
    masks,
    optional,
    rearranging,
    recursion,
    reductions,
    scalars,
    shapes,
    simulations,
    slices,
    syntax,
    tuples,
    views_swaps,
    whiles,
)
from tests.programs.registry import PROGRAMS as PROGRAMS
