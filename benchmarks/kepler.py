"""Kepler's equation by a guarded Newton iteration: a ``while`` loop and branches for each planet.

The trip count is known only at run time, so JAX (whose reverse mode refuses ``while_loop``) runs
every point to the bound. The mark by hand differentiates the iteration as it is executed.
"""

import math

import numpy as np
from numba import njit

WRT = ("anomaly", "eccentricity")
SMALL = {"n": 9}

BOUND = 60


def arguments(n=100_000):
    random = np.random.default_rng(7)
    return {
        "anomaly": 2.0 * np.pi * random.random(n),
        "eccentricity": 0.98 * random.random(n) ** 0.5,
        "weight": random.normal(size=n),
    }


def kepler(anomaly, eccentricity, weight):
    total = 0.0
    for i in range(anomaly.size):
        m = anomaly[i]
        e = eccentricity[i]
        x = m
        d = 1.0
        trips = 0
        while abs(d) > 1e-12 and trips < 60:
            d = (x - e * math.sin(x) - m) / (1.0 - e * math.cos(x))
            if d > 0.5:
                x = x - 0.5
            elif d < -0.5:
                x = x + 0.5
            else:
                x = x - d
            trips += 1
        total += weight[i] * (math.cos(x) - e)
    return total


PRIMAL = kepler


@njit(error_model="numpy")
def iteration_by_hand(anomaly, eccentricity, weight):
    n = anomaly.size
    anomaly_b = np.empty(n)
    eccentricity_b = np.empty(n)
    sines = np.empty(60)
    cosines = np.empty(60)
    steps = np.empty(60)
    for i in range(n):
        m = anomaly[i]
        e = eccentricity[i]
        x = m
        d = 1.0
        trips = 0
        while abs(d) > 1e-12 and trips < 60:
            s = math.sin(x)
            c = math.cos(x)
            d = (x - e * s - m) / (1.0 - e * c)
            sines[trips] = s
            cosines[trips] = c
            steps[trips] = d
            if d > 0.5:
                x = x - 0.5
            elif d < -0.5:
                x = x + 0.5
            else:
                x = x - d
            trips += 1
        x_b = -weight[i] * math.sin(x)
        e_b = -weight[i]
        m_b = 0.0
        for t in range(trips - 1, -1, -1):
            d = steps[t]
            if -0.5 <= d <= 0.5:
                s = sines[t]
                c = cosines[t]
                numerator_b = -x_b / (1.0 - e * c)
                e_b -= numerator_b * (s - d * c)
                m_b -= numerator_b
                x_b += numerator_b * (1.0 - e * c - d * e * s)
        anomaly_b[i] = m_b + x_b
        eccentricity_b[i] = e_b
    return anomaly_b, eccentricity_b


HAND = {"iteration by hand": iteration_by_hand}


def jax_primal(jax, scan):
    jnp = jax.numpy

    def primal(anomaly, eccentricity, weight):
        def step(state, _):
            x, d = state
            going = jnp.abs(d) > 1e-12
            new = (x - eccentricity * jnp.sin(x) - anomaly) / (1.0 - eccentricity * jnp.cos(x))
            moved = jnp.where(new > 0.5, x - 0.5, jnp.where(new < -0.5, x + 0.5, x - new))
            return (jnp.where(going, moved, x), jnp.where(going, new, d)), None

        (x, _), _ = scan(step, (anomaly, jnp.ones_like(anomaly)), None, BOUND)
        return jnp.sum(weight * (jnp.cos(x) - eccentricity))

    return primal
