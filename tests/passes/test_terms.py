"""Like terms of what is gathered, with complex factors of real numbers."""

import numpy as np

import srcad
from srcad.ir.build import times
from srcad.ir.nodes import Const, Var
from srcad.ir.printer import print_expr
from srcad.transform.terms import added


def test_a_complex_factor_of_a_real_number():
    z, x = Var("z", "complex128"), Var("x", "float64")
    term = times(Const(1j, "complex128"), times(Const(0.3, "float64"), x))
    assert print_expr(added(z, [term])) == "z + 0.3j * x"


def shifted_parts(x, y):
    r = x + 1j * y
    r.real[1:] += 0.3 * r.imag[:-1]
    return np.sum(r * np.exp(0.3j * r)).imag


def test_parts_of_complex_numbers_that_a_stencil_gathers():
    x, y, h = np.array([-0.7, 0.66, 0.56]), np.array([0.29, -0.81, 0.016]), 1e-6
    expected = [
        (shifted_parts(x, y + h * e) - shifted_parts(x, y - h * e)) / (2.0 * h) for e in np.eye(3)
    ]
    np.testing.assert_allclose(srcad.grad(shifted_parts, 1, jit=False)(x, y), expected, rtol=1e-8)
