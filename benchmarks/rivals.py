"""A kernel's gradient in other systems, each in the forms that its experts would try.

All are optional: what is not installed, or cannot express a kernel, is skipped with a word. Arrays
are converted before anything is timed, and one thread does the work (``benchmarks.__main__``).
"""

import importlib.util
import inspect
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np


class Skipped(Exception):
    """Why a system takes no part for a kernel."""


def installed(system: str) -> bool:
    """Whether a system's package is there."""
    return importlib.util.find_spec(SYSTEMS[system][0]) is not None


def forms(system: str, kernel: ModuleType, arguments: dict) -> dict[str, Callable[[], tuple]]:
    """The calls of a kernel's gradient in a system, by the name of the form.

    Raises
    ------
    Skipped
        It is not installed, or the kernel has no form for it.
    """
    if not installed(system):
        raise Skipped("not installed")
    calls = dict(SYSTEMS[system][1](kernel, arguments))
    if not calls:
        raise Skipped("not expressed")
    return calls


# ------------------------------------------------------------ JAX


def segment(length: int) -> int:
    """The largest divisor of a trip count that is not above its square root."""
    return max(d for d in range(1, int(length**0.5) + 1) if length % d == 0)


def scans(jax) -> dict[str, Callable]:
    """``lax.scan``: plain; unrolled; each step checkpointed; segments of steps checkpointed."""
    lax, tree = jax.lax, jax.tree

    def plain(step, state, xs, length):
        return lax.scan(step, state, xs, length)

    def steps(step, state, xs, length):
        return lax.scan(jax.checkpoint(step), state, xs, length)

    def unrolled(step, state, xs, length):
        unroll = 4 if length % 4 == 0 else 1  # jaxlib 0.10.2 hangs where steps are left over
        return lax.scan(jax.checkpoint(step), state, xs, length, unroll=unroll)

    def segments(step, state, xs, length):
        size = segment(length)
        split = tree.map(lambda x: x.reshape(length // size, size, *x.shape[1:]), xs)

        @jax.checkpoint
        def run(state, xs):
            return lax.scan(step, state, xs, size)

        state, ys = lax.scan(run, state, split, length // size)
        return state, tree.map(lambda y: y.reshape(length, *y.shape[2:]), ys)

    return {
        "scan": plain,
        "steps checkpointed": steps,
        "steps checkpointed, unrolled": unrolled,
        "segments checkpointed": segments,
    }


def jax_forms(kernel: ModuleType, arguments: dict) -> Iterator[tuple[str, Callable]]:
    import jax

    jax.config.update("jax_enable_x64", True)
    arrays = {k: jax.numpy.asarray(v) for k, v in arguments.items() if isinstance(v, np.ndarray)}
    if hasattr(kernel, "jax_gradient"):
        compiled = jax.jit(kernel.jax_gradient(jax))
        given = tuple(arrays.get(k, v) for k, v in arguments.items())
        yield "arrays", lambda: jax.block_until_ready(compiled(*given))
    if not hasattr(kernel, "jax_primal"):
        return
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

        yield name, call


# ------------------------------------------------------------ PyTorch, autograd


def torch_forms(kernel: ModuleType, arguments: dict) -> Iterator[tuple[str, Callable]]:
    import torch

    torch.set_num_threads(1)
    given = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in arguments.items()}
    if hasattr(kernel, "torch_gradient"):
        gradient = kernel.torch_gradient(torch)
        yield "eager", lambda: gradient(*given.values())
    if not hasattr(kernel, "torch_primal"):
        return
    primal = kernel.torch_primal(torch)
    active = [given[k].requires_grad_() for k in kernel.WRT]

    def call():
        return tuple(x.numpy() for x in torch.autograd.grad(primal(**given), active))

    yield "eager", call


def autograd_forms(kernel: ModuleType, arguments: dict) -> Iterator[tuple[str, Callable]]:
    import autograd

    if not hasattr(kernel, "autograd_primal"):
        return
    primal = kernel.autograd_primal(autograd.numpy)
    rest = {k: v for k, v in arguments.items() if k not in kernel.WRT}
    active = {k: arguments[k] for k in kernel.WRT}
    gradient = autograd.grad(lambda active: primal(**active, **rest))

    def call():
        found = gradient(active)
        return tuple(found[k] for k in kernel.WRT)

    yield "tape", call


# ------------------------------------------------------------ Enzyme


def cpp(arguments: dict, body: str) -> str:
    """The C++ function of a kernel: arrays are tensors of double, numbers are constants.

    So are the lengths: that of ``u`` along axis 1 is ``u_1``.
    """
    tensors, constants = [], []
    for name, value in arguments.items():
        if isinstance(value, np.ndarray):
            shape = ", ".join(map(str, value.shape))
            tensors.append(f"const enzyme::tensor<double, {shape}>& {name}")
            for axis, length in enumerate(value.shape):
                constants.append(f"  const int {name}_{axis} = {length};")
        else:
            kind = "double" if isinstance(value, float) else "int"
            constants.append(f"  const {kind} {name} = {value!r};")
    head = f"void f(enzyme::tensor<double, 1>& out, {', '.join(tensors)}) {{"
    return "\n".join([LIBM, head, *constants, body.strip("\n"), "}"])


LIBM = (
    'extern "C" {'
    + "".join(
        f" double {name}(double) noexcept;"
        for name in ("exp", "log", "tanh", "sin", "cos", "sqrt", "fabs")
    )
    + " void* malloc(unsigned long); void free(void*); }"
)


def enzyme_forms(kernel: ModuleType, arguments: dict) -> Iterator[tuple[str, Callable]]:
    """C++ loops through ``enzyme_ad``, which runs inside of JAX: as pip installs it."""
    if not hasattr(kernel, "ENZYME"):
        return
    import jax
    from enzyme_ad.jax import cpp_call

    jax.config.update("jax_enable_x64", True)
    text = cpp(arguments, kernel.ENZYME)
    arrays = {k: v.astype(float) for k, v in arguments.items() if isinstance(v, np.ndarray)}
    result = [jax.core.ShapedArray([1], jax.numpy.float64)]
    flags = ("-O3", "-target-cpu", "x86-64-v3")  # of clang -cc1

    def primal(*given):
        (out,) = cpp_call(*given, out_shapes=result, source=text, fn="f", argv=flags)
        return out[0]

    given = [jax.numpy.asarray(v) for v in arrays.values()]
    active = tuple(list(arrays).index(k) for k in kernel.WRT)
    compiled = jax.jit(jax.grad(primal, argnums=active))
    yield "C++", lambda: jax.block_until_ready(compiled(*given))


# ------------------------------------------------------------ Warp, Taichi


def warp_forms(kernel: ModuleType, arguments: dict) -> Iterator[tuple[str, Callable]]:
    if not hasattr(kernel, "warp_gradient"):
        return
    import warp

    warp.config.quiet = True
    warp.init()
    with warp.ScopedDevice("cpu"):
        yield "tape", kernel.warp_gradient(warp, **arguments)


def taichi_forms(kernel: ModuleType, arguments: dict) -> Iterator[tuple[str, Callable]]:
    if not hasattr(kernel, "taichi_gradient"):
        return
    import taichi

    taichi.init(
        arch=taichi.cpu, default_fp=taichi.f64, cpu_max_num_threads=1,
        log_level=taichi.ERROR, offline_cache=False,
    )  # fmt: skip
    yield "tape", kernel.taichi_gradient(taichi, **arguments)


SYSTEMS: dict[str, tuple[str, Callable]] = {
    "jax": ("jax", jax_forms),
    "torch": ("torch", torch_forms),
    "autograd": ("autograd", autograd_forms),
    "enzyme": ("enzyme_ad", enzyme_forms),
    "warp": ("warp", warp_forms),
    "taichi": ("taichi", taichi_forms),
}
"""The package that must be installed, and what yields the forms."""
