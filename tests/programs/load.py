"""All programs of the zoo, in the order of their themes."""

from tests.programs import (  # noqa: F401
    arrays,
    branches,
    calls,
    dtypes,
    indexing,
    loops,
    masks,
    rearranging,
    recursion,
    reductions,
    scalars,
    shapes,
    simulations,
    slices,
    tuples,
    views_swaps,
    whiles,
)
from tests.programs.registry import PROGRAMS as PROGRAMS
