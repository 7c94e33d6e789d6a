"""Kepler's equation by a guarded Newton iteration: a ``while`` loop and branches for each planet.

The trip count is known only at run time, so JAX (whose reverse mode refuses ``while_loop``) runs
every point to the bound. The mark by hand differentiates the iteration as it is executed.
"""

import math

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "Newton on Kepler's equation, `while`, 1e5 points"
WRT = ("anomaly", "eccentricity")

BOUND = 60


def arguments(scale=1.0):
    n = scaled(100_000, scale, 9)
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


@jit
def adjoint(anomaly, eccentricity, weight):
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


def torch_primal(torch):
    def primal(anomaly, eccentricity, weight):
        x, d = anomaly, torch.ones_like(anomaly)
        for _ in range(BOUND):
            going = d.abs() > 1e-12
            if not going.any():
                break
            new = (x - eccentricity * torch.sin(x) - anomaly) / (1.0 - eccentricity * torch.cos(x))
            moved = torch.where(new > 0.5, x - 0.5, torch.where(new < -0.5, x + 0.5, x - new))
            x = torch.where(going, moved, x)
            d = torch.where(going, new, d).detach()
        return (weight * (torch.cos(x) - eccentricity)).sum()

    return primal


ENZYME = """
  double total = 0;
  for (int i = 0; i < 100000; i++) {
    double m = anomaly[i], e = eccentricity[i], x = m, d = 1;
    int trips = 0;
    while (fabs(d) > 1e-12 && trips < 60) {
      d = (x - e * sin(x) - m) / (1 - e * cos(x));
      if (d > 0.5) x -= 0.5;
      else if (d < -0.5) x += 0.5;
      else x -= d;
      trips++;
    }
    total += weight[i] * (cos(x) - e);
  }
  out[0] = total;
"""
