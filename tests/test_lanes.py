"""Vector mode on the zoo: what one run gives for several directions, against one run for each."""

import numpy as np
import pytest

from srcad.binding import Signature
from srcad.config import Options
from srcad.ir.typeof import has_float
from srcad.outputs import floats_of
from srcad.specialise import Variants, types_of
from srcad.structure import as_leaves, count, lower, number
from srcad.sweeps import types_of_floats
from tests.programs.complexes import PROGRAMS as COMPLEX
from tests.programs.load import PROGRAMS
from tests.programs.registry import Program
from tests.test_forward import SECOND
from tests.test_programs import waiting

DIRECTIONS = 3
CALLS_ITSELF = {
    "calls.factorial_like",
    "calls.mutual_recursion",
    "kernels_linalg.adaptive_simpson",
    "kernels_fluid.multigrid_recursive",
    "kernels_signal.fft_recursive",
}
"""Programs outside of ``recursion`` that call themselves: they are run for each direction."""


def moving(value, random):
    """Tangents of a float or an array; some do not move, for which zero wins over infinity."""
    shape = (*np.shape(value), DIRECTIONS)
    found = random.standard_normal(shape)
    if np.iscomplexobj(value):
        found = found + 1j * random.standard_normal(shape)
    if found.size > DIRECTIONS:
        found.reshape(-1)[::5] = 0.0
    return np.array(found, np.asarray(value).dtype)


def column(tangent, kind, is_number, j):
    """The tangent along one direction."""
    return number(tangent[j], kind) if is_number else np.ascontiguousarray(tangent[..., j])


def compare(f, args, kind, *, kwargs=None, outputs=(), jit=False, rtol=1e-11):
    """All of a run with lanes against runs without; whether there were lanes."""
    signature = Signature(f)
    values = signature.bind(args, kwargs or {})
    types = types_of(signature.names, values)
    wrt = tuple(n for n, t in zip(signature.names, types, strict=True) if has_float(t))
    options = Options(jit=jit)
    one = Variants(signature, kind, options, outputs).find(types, wrt)
    many = Variants(signature, kind, options, outputs, lanes=True).find(types, wrt)
    if not many.program.lanes:
        assert many.program.text == one.program.text
        return False
    pairs = list(zip(values, types, strict=True))
    floats = [x for v, t in pairs for x in floats_of(v, t)]
    kinds = [k for t in types for k in types_of_floats(t)]
    random = np.random.default_rng(1)
    tangents = [moving(x, random) for x in floats]
    before = [t.copy() for t in tangents]
    leaves = [x for v, t in pairs for x in lower(v, t, copy=True)]
    leaves += one.require_captured(copy=True)
    state = np.random.get_state()
    found = many.run([*leaves, *tangents], state)
    for now, then in zip(tangents, before, strict=True):
        assert np.array_equal(now, then), "a tangent of the caller was changed"
    columns = []
    for j in range(DIRECTIONS):
        given = [
            column(t, getattr(k, "kind", None), hasattr(k, "kind"), j)
            for t, k in zip(tangents, kinds, strict=True)
        ]
        columns.append(one.run([*leaves, *given], state))
    size = len(found) if isinstance(found, tuple) else 1
    spared = count(one.program.result, floats_only=False) + len(outputs) if kind == "jvp" else 0
    found, *columns = [list(as_leaves(x, size)) for x in (found, *columns)]
    for k, x in enumerate(found):
        wanted = [c[k] for c in columns]
        if k < spared:
            np.testing.assert_array_equal(x, wanted[0])
            continue
        wanted = np.stack([np.asarray(w) for w in wanted], axis=-1)
        assert x.dtype == wanted.dtype or np.ndim(wanted) == 1
        scale = np.max(np.abs(wanted), where=np.isfinite(wanted), initial=0.0)
        np.testing.assert_allclose(x, wanted, rtol=rtol, atol=rtol * scale + 1e-14)
    return True


def check(program: Program, kind: str, jit: bool) -> None:
    outputs = (program.outputs,) if isinstance(program.outputs, str) else tuple(program.outputs)
    has_lanes = compare(
        program.function,
        program.samples[0](),
        kind,
        kwargs=program.kwargs,
        outputs=outputs,
        jit=jit,
        rtol=1e-4 if program.single else 1e-11,
    )
    calls_itself = "recursi" in program.name or program.theme == "recursion"
    assert has_lanes or calls_itself or program.name in CALLS_ITSELF


@pytest.mark.usefixtures("verified")
@pytest.mark.parametrize(
    "program", [waiting(p, 1 if k % 10 else 0) for k, p in enumerate(PROGRAMS)]
)
def test_as_python(program: Program):
    check(program, "jvp", jit=False)


@pytest.mark.usefixtures("verified")
@pytest.mark.parametrize("program", [waiting(p, 1 if k % 20 else 0) for k, p in enumerate(SECOND)])
def test_second_order(program: Program):
    check(program, "hvp", jit=False)


@pytest.mark.slow
@pytest.mark.parametrize("program", [waiting(p) for p in PROGRAMS[::7] if not p.heavy])
def test_compiled(program: Program):
    check(program, "jvp", jit=True)


@pytest.mark.slow
@pytest.mark.parametrize("program", [waiting(p) for p in SECOND[::11] if not p.heavy])
def test_compiled_second_order(program: Program):
    check(program, "hvp", jit=True)


@pytest.mark.usefixtures("verified")
@pytest.mark.parametrize("item", COMPLEX[::2], ids=lambda p: p.f.__name__)
def test_complex(item):
    has_lanes = compare(item.f, item.args(), "jvp")
    assert has_lanes or "recursion" in item.f.__name__
