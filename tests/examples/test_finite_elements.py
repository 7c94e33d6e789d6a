import finite_elements as fe
import numpy as np
from scipy.optimize import brentq

PLACES, TRIANGLES = fe.plate(6, 4, 0.4)


def test_forces_and_stiffness_are_those_of_the_piola_stress():
    u = 0.02 * np.random.default_rng(0).normal(size=PLACES.shape)
    ours = fe.forces(u[TRIANGLES], PLACES[TRIANGLES], fe.MU, fe.LAMBDA)
    hand = np.array([fe.by_hand(u[t], PLACES[t]) for t in TRIANGLES])
    assert np.allclose(ours, hand, rtol=1e-11, atol=1e-13)
    blocks = fe.stiffnesses(u[TRIANGLES], PLACES[TRIANGLES], fe.MU, fe.LAMBDA)
    for e in (0, 11, 30):
        for i in range(3):
            for j in range(2):
                step = np.zeros((3, 2), dtype=complex)
                step[i, j] = 1e-30j
                column = fe.by_hand(u[TRIANGLES[e]] + step, PLACES[TRIANGLES[e]]).imag / 1e-30
                assert np.allclose(blocks[e, :, :, i, j], column, rtol=1e-11, atol=1e-12)


def test_the_assembled_jacobian_is_that_of_the_residual():
    u = 0.02 * np.random.default_rng(1).normal(size=PLACES.shape)
    v = np.random.default_rng(2).normal(size=PLACES.shape)
    K = fe.tangent(u, PLACES, TRIANGLES)
    change = np.zeros(PLACES.shape)
    for t in TRIANGLES:
        np.add.at(change, t, fe.by_hand(u[t] + 1e-30j * v[t], PLACES[t]).imag / 1e-30)
    assert np.allclose(K @ v.ravel(), change.ravel(), rtol=1e-10, atol=1e-11)
    assert abs(K - K.T).max() < 1e-12
    assert K.nnz < 0.4 * K.shape[0] ** 2


def test_a_plate_without_a_hole_stretches_evenly():
    x, y = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 4), indexing="ij")
    places = np.stack([x.ravel(), y.ravel()], axis=1) + 0.03 * np.sin(9.0 * x * y).ravel()[:, None]
    edge = (x == 0) | (x == 1) | (y == 0) | (y == 1)
    places[edge.ravel()] = np.stack([x[edge], y[edge]], axis=1)
    u, free = fe.pulled(places, 1.5)
    u, norms = fe.newton(u, free, places, fe.split(4, 3), 8)

    def across(s):  # the stress across, of stretches 1.5 and s
        return fe.MU * (s - 1.0 / s) + fe.LAMBDA * np.log(1.5 * s) / s

    side = brentq(across, 0.3, 1.0, xtol=1e-15)
    assert norms[-1] < 1e-13
    assert np.allclose(u, places * [0.5, side - 1.0], atol=1e-12)


def test_newton_squares_the_residual():
    u, free = fe.pulled(PLACES, 1.5)
    _, norms = fe.newton(u, free, PLACES, TRIANGLES, 8)
    _, frozen = fe.newton(u, free, PLACES, TRIANGLES, 8, renewed=2)
    assert norms[-1] < 1e-13
    assert frozen[5] > 100.0 * norms[5]
    late = [k for k in range(8) if norms[k] < 0.1 and norms[k + 1] > 1e-13]
    assert len(late) >= 2
    for k in late:
        assert norms[k + 1] < 10.0 * norms[k] ** 2
