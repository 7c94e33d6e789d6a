"""JAX's gradients of a kernel, in the forms an expert would try: how a scan is checkpointed.

JAX is optional; without it there are no rivals here.
"""

import importlib.util
import inspect
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np


def segment(length: int) -> int:
    """The largest divisor of a trip count that is not above its square root."""
    return max(d for d in range(1, int(length**0.5) + 1) if length % d == 0)


def scans(jax) -> dict[str, Callable]:
    """``lax.scan``, plain; with each step checkpointed; with segments of steps checkpointed."""
    lax, tree = jax.lax, jax.tree

    def plain(step, state, xs, length):
        return lax.scan(step, state, xs, length)

    def steps(step, state, xs, length):
        return lax.scan(jax.checkpoint(step), state, xs, length)

    def segments(step, state, xs, length):
        size = segment(length)
        split = tree.map(lambda x: x.reshape(length // size, size, *x.shape[1:]), xs)

        @jax.checkpoint
        def run(state, xs):
            return lax.scan(step, state, xs, size)

        state, ys = lax.scan(run, state, split, length // size)
        return state, tree.map(lambda y: y.reshape(length, *y.shape[2:]), ys)

    return {"scan": plain, "steps checkpointed": steps, "segments checkpointed": segments}


def gradients(kernel: ModuleType, arguments: dict) -> Iterator[tuple[str, Callable]]:
    """Name and call of each form; nothing where JAX is not installed."""
    if importlib.util.find_spec("jax") is None:
        return
    import jax

    jax.config.update("jax_enable_x64", True)
    arrays = {k: jax.numpy.asarray(v) for k, v in arguments.items() if isinstance(v, np.ndarray)}
    constants = {k: v for k, v in arguments.items() if k not in arrays}
    active = {k: arrays.pop(k) for k in kernel.WRT}
    takes_scan = len(inspect.signature(kernel.jax_primal).parameters) == 2
    for name, scan in scans(jax).items() if takes_scan else [("arrays", None)]:
        primal = kernel.jax_primal(jax, scan) if takes_scan else kernel.jax_primal(jax)
        compiled = jax.jit(
            jax.grad(lambda active, rest, primal=primal: primal(**active, **rest, **constants))
        )

        def call(compiled=compiled):
            found = jax.block_until_ready(compiled(active, arrays))
            return tuple(found[k] for k in kernel.WRT)

        yield f"jax: {name}", call
