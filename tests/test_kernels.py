"""The kernels of the zoo under Numba's decorator: the same code is generated for them."""

import numba
import pytest

import srcad
from tests.programs.load import PROGRAMS
from tests.programs.registry import Program
from tests.test_programs import active, is_vjp, plain, waiting

KERNELS = [p for p in PROGRAMS if p.theme.startswith("kernels_")]

DECORATORS = {"njit": numba.njit, "fastmath": numba.njit(fastmath=True)}


def source(program: Program, function) -> str:
    args = program.samples[0]()
    if is_vjp(program):
        return srcad.vjp(function, *args, outputs=program.outputs, jit=False)[1].source()
    gradient = srcad.grad(function, wrt=active(program, args), jit=False)
    return gradient.source(*args, **program.kwargs)


@pytest.mark.parametrize("program", [waiting(p, k) for k, p in enumerate(KERNELS)])
def test_decorated(program: Program):
    function = plain(program)
    expected = source(program, function)
    for decorate in DECORATORS.values():
        assert source(program, decorate(function)) == expected


def test_there_are_enough():
    assert len(KERNELS) >= 60
