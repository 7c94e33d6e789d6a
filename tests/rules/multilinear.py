"""Oracle of what is linear in each argument: values as NumPy's, and the gradients.

The derivative of a multilinear function by an element of an argument is the function with that
argument replaced by a unit: no step, no other system.
"""

import numpy as np

import srcad


def made(rng, shape, dtype=float):
    x = rng.standard_normal(shape)
    if np.issubdtype(dtype, np.complexfloating):
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype) if np.ndim(x) else dtype(x)


def unit_gradient(function, args, k, seed):
    """The pullback of a function that is linear in argument k, by the Hermitian convention."""
    like = np.asarray(args[k])
    out = np.zeros(like.shape, np.result_type(like, float))
    for at in np.ndindex(like.shape):
        unit = np.zeros(like.shape, like.dtype)
        unit[at] = 1
        value = function(*args[:k], unit[()], *args[k + 1 :])
        total = np.sum(np.asarray(value).conj() * seed)
        out[at] = total if np.iscomplexobj(like) else total.real
    return out


def check(function, *args, jit=False, rtol=1e-12, conjugated=()):
    """Value, dtype, shape, and the pullback for every argument of floats.

    In ``conjugated`` arguments the function is linear after conjugation.
    """
    rng = np.random.default_rng(5)
    value, pull = srcad.vjp(function, *args, jit=jit)
    expected = function(*args)
    assert np.shape(value) == np.shape(expected)
    assert np.asarray(value).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(value, expected, rtol=rtol, atol=rtol)
    seed = made(rng, np.shape(expected), np.asarray(expected).dtype.type)
    found = pull(seed)
    for k, arg in enumerate(args):
        if not np.issubdtype(np.asarray(arg).dtype, np.inexact):
            assert found[k] is None
            continue
        wanted = unit_gradient(function, args, k, seed)
        wanted = wanted.conj() if k in conjugated else wanted
        assert np.asarray(found[k]).dtype == np.asarray(arg).dtype
        np.testing.assert_allclose(found[k], wanted, rtol=rtol, atol=rtol, err_msg=f"argument {k}")
