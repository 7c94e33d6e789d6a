"""Random numbers drawn inside of a function: constants, the same in both sweeps.

What depends on parameters is a formula of draws that do not, so that derivatives pass through it
(the reparameterisation of a normal number is ``loc + scale * z``). The formulas are those of NumPy's
``RandomState``, so that the same seed gives the same numbers.
"""

import math

import numpy as np

from srcad.rules.registry import CallRule, declare_call, expand, read_signature


def one_uniform():
    """A number between 0 and 1."""
    return np.random.random_sample()


def uniforms(n):
    """A vector of them."""
    return np.random.random_sample(n)


def one_normal():
    """A normal number of mean 0 and variance 1."""
    return np.random.standard_normal()


def normals(n):
    """A vector of them."""
    return np.random.standard_normal(n)


def one_exponential():
    """An exponential number of mean 1."""
    return np.random.standard_exponential()


def exponentials(n):
    """A vector of them."""
    return np.random.standard_exponential(n)


def one_integer(low, high):
    """An integer from ``low`` to ``high - 1``."""
    return np.random.randint(low, high)


def one_poisson(lam):
    """A number of events."""
    return np.random.poisson(lam)


def one_binomial(n, p):
    """A number of successes."""
    return np.random.binomial(n, p)


def set_seed(seed):
    """Start the draws anew."""
    np.random.seed(seed)
    return 0


for _function, _name, _signature in (
    (one_uniform, "random_sample", "->real()"),
    (uniforms, "random_sample", "n->real(n)"),
    (one_normal, "standard_normal", "->real()"),
    (normals, "standard_normal", "n->real(n)"),
    (one_exponential, "standard_exponential", "->real()"),
    (exponentials, "standard_exponential", "n->real(n)"),
    (one_integer, "randint", "(),()->int()"),
    (one_poisson, "poisson", "()->int()"),
    (one_binomial, "binomial", "(),()->int()"),
    (np.random.permutation, "permutation", "n->int(n)"),
    (np.random.seed, "seed", "()->"),
):
    declare_call(
        _function,
        CallRule(f"np.random.{_name}", read_signature(_signature), is_constant=True),
    )


def shaped(one, many, size):
    """Draws of a shape: one number, a vector, or an array filled row by row."""
    if size is None:
        return one()
    if isinstance(size, tuple):
        return many(math.prod(size)).reshape(size)
    return many(size)


def shape_for(size, *parameters):
    """The shape of draws whose parameters may be arrays."""
    if size is not None:
        return size
    total = 0.0
    for p in parameters:
        total = total + p
    return np.shape(total) if np.ndim(total) > 0 else None


@expand(np.random.random_sample)
def random_sample(size=None):
    return shaped(one_uniform, uniforms, size)


@expand(np.random.random, np.random.ranf, np.random.sample)
def random(size=None):
    return shaped(one_uniform, uniforms, size)


@expand(np.random.rand)
def rand(*shape):
    return shaped(one_uniform, uniforms, shape) if len(shape) > 0 else one_uniform()


@expand(np.random.randn)
def randn(*shape):
    return shaped(one_normal, normals, shape) if len(shape) > 0 else one_normal()


@expand(np.random.standard_normal)
def standard_normal(size=None):
    return shaped(one_normal, normals, size)


@expand(np.random.standard_exponential)
def standard_exponential(size=None):
    return shaped(one_exponential, exponentials, size)


@expand(np.random.normal)
def normal(loc=0.0, scale=1.0, size=None):
    return loc + scale * shaped(one_normal, normals, shape_for(size, loc, scale))


@expand(np.random.lognormal)
def lognormal(mean=0.0, sigma=1.0, size=None):
    return np.exp(normal(mean, sigma, size))


@expand(np.random.uniform)
def uniform(low=0.0, high=1.0, size=None):
    return low + (high - low) * shaped(one_uniform, uniforms, shape_for(size, low, high))


@expand(np.random.exponential)
def exponential(scale=1.0, size=None):
    return scale * shaped(one_exponential, exponentials, shape_for(size, scale))


@expand(np.random.gumbel)
def gumbel(loc=0.0, scale=1.0, size=None):
    u = 1.0 - shaped(one_uniform, uniforms, shape_for(size, loc, scale))
    return loc - scale * np.log(-np.log(u))


@expand(np.random.logistic)
def logistic(loc=0.0, scale=1.0, size=None):
    u = shaped(one_uniform, uniforms, shape_for(size, loc, scale))
    return loc + scale * np.log(u / (1.0 - u))


@expand(np.random.laplace)
def laplace(loc=0.0, scale=1.0, size=None):
    u = shaped(one_uniform, uniforms, shape_for(size, loc, scale))
    low = np.log(np.where(u < 0.5, u + u, 1.0))
    high = np.log(np.where(u < 0.5, 1.0, 2.0 - u - u))
    return loc + scale * (low - high)


@expand(np.random.rayleigh)
def rayleigh(scale=1.0, size=None):
    u = shaped(one_uniform, uniforms, shape_for(size, scale))
    return scale * np.sqrt(-2.0 * np.log1p(-u))


@expand(np.random.weibull)
def weibull(a, size=None):
    return shaped(one_exponential, exponentials, shape_for(size, a)) ** (1.0 / a)


@expand(np.random.power)
def power(a, size=None):
    e = shaped(one_exponential, exponentials, shape_for(size, a))
    return (-np.expm1(-e)) ** (1.0 / a)


@expand(np.random.pareto)
def pareto(a, size=None):
    return np.expm1(shaped(one_exponential, exponentials, shape_for(size, a)) / a)


@expand(np.random.standard_cauchy)
def standard_cauchy(size=None):
    if size is None:
        return one_normal() / one_normal()
    z = normals(2 * (math.prod(size) if isinstance(size, tuple) else size))
    return (z[0::2] / z[1::2]).reshape(size)


@expand(np.random.triangular)
def triangular(left, mode, right, size=None):
    u = shaped(one_uniform, uniforms, shape_for(size, left, mode, right))
    share = (mode - left) / (right - left)
    rising = np.sqrt(np.where(u <= share, u * (right - left) * (mode - left), 1.0))
    falling = np.sqrt(np.where(u <= share, 1.0, (1.0 - u) * (right - left) * (right - mode)))
    return np.where(u <= share, left + rising, right - falling)


@expand(np.random.randint)
def randint(low, high=None, size=None):
    start, stop = (0, low) if high is None else (low, high)
    if size is None:
        return one_integer(start, stop)
    out = np.empty(size, dtype=np.int64)
    for at in np.ndindex(out.shape):
        out[at] = one_integer(start, stop)
    return out


@expand(np.random.poisson)
def poisson(lam=1.0, size=None):
    if size is None and np.ndim(lam) == 0:
        return one_poisson(lam)
    if size is None:
        rates = np.asarray(lam)
        out = np.empty(rates.shape, dtype=np.int64)
        for at in np.ndindex(rates.shape):
            out[at] = one_poisson(rates[at])
        return out
    out = np.empty(size, dtype=np.int64)
    for at in np.ndindex(out.shape):
        out[at] = one_poisson(lam)
    return out


@expand(np.random.binomial)
def binomial(n, p, size=None):
    if size is None:
        return one_binomial(n, p)
    out = np.empty(size, dtype=np.int64)
    for at in np.ndindex(out.shape):
        out[at] = one_binomial(n, p)
    return out


@expand(np.random.choice)
def choice(a, size=None, replace=True):
    if not replace:
        raise NotImplementedError("np.random.choice without replacement: use permutation")
    a = np.arange(a) if np.ndim(a) == 0 else a
    return a[randint(0, a.shape[0], size)]
