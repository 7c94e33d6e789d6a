"""Densities and distribution functions of ``scipy.stats``, written out.

A scale that is not positive gives nan, as SciPy's does; outside of its support a density is 0. The
counts of a discrete distribution carry no derivative.
"""

import math

import numpy as np
from scipy import special, stats

from srcad.rules.registry import expand, same_as
from srcad.rules.scipy_linalg import solve_triangular


def count(k):
    """k, to which nothing flows back."""
    return k


same_as("stop_gradient", count)


def positive(scale):
    """A parameter that has to be positive; nan where it is not."""
    return np.where(scale > 0.0, scale, np.nan)


def inside(support, log_density):
    """The logarithm of a density that is 0 outside of its support."""
    return np.where(support, log_density, -np.inf)


# ---------------------------------------------------------------- the normal distribution


@expand(stats.norm.logpdf)
def norm_logpdf(x, loc=0.0, scale=1.0):
    """The logarithm of the density."""
    z = (x - loc) / positive(scale)
    return -0.5 * (z * z) - np.log(scale) - 0.9189385332046727


@expand(stats.norm.pdf)
def norm_pdf(x, loc=0.0, scale=1.0):
    """The density."""
    z = (x - loc) / positive(scale)
    return 0.3989422804014327 * np.exp(-0.5 * (z * z)) / scale


@expand(stats.norm.cdf)
def norm_cdf(x, loc=0.0, scale=1.0):
    """The probability of less than x."""
    return special.ndtr((x - loc) / positive(scale))


@expand(stats.norm.sf)
def norm_sf(x, loc=0.0, scale=1.0):
    """The probability of more than x."""
    return special.ndtr((loc - x) / positive(scale))


@expand(stats.norm.logcdf)
def norm_logcdf(x, loc=0.0, scale=1.0):
    """The logarithm of ``cdf``, without underflow."""
    return special.log_ndtr((x - loc) / positive(scale))


@expand(stats.norm.logsf)
def norm_logsf(x, loc=0.0, scale=1.0):
    """The logarithm of ``sf``, without underflow."""
    return special.log_ndtr((loc - x) / positive(scale))


@expand(stats.multivariate_normal.logpdf)
def multivariate_normal_logpdf(x, mean=None, cov=1, allow_singular=False):
    """The logarithm of the density, of a point or of each row; cov is a matrix, read below its
    diagonal."""
    if allow_singular:
        raise NotImplementedError("scipy.stats.multivariate_normal with allow_singular=True")
    if np.ndim(cov) != 2:
        raise NotImplementedError("scipy.stats.multivariate_normal with a cov that is no matrix")
    x, cov = np.asarray(x), np.asarray(cov)
    gap = x if mean is None else x - mean
    factor = np.linalg.cholesky(cov)
    z = solve_triangular(factor, gap.T, 0, True)
    constant = cov.shape[0] * 0.9189385332046727 + np.sum(np.log(np.diag(factor)))
    return -0.5 * np.sum(z * z, axis=0) - constant


@expand(stats.multivariate_normal.pdf)
def multivariate_normal_pdf(x, mean=None, cov=1, allow_singular=False):
    """The density, of a point or of each row."""
    return np.exp(multivariate_normal_logpdf(x, mean, cov, allow_singular))


@expand(stats.multivariate_normal.entropy)
def multivariate_normal_entropy(mean=None, cov=1):
    """The differential entropy."""
    if np.ndim(cov) != 2:
        raise NotImplementedError("scipy.stats.multivariate_normal with a cov that is no matrix")
    cov = np.asarray(cov)
    return np.sum(np.log(np.diag(np.linalg.cholesky(cov)))) + cov.shape[0] * 1.4189385332046727


# ---------------------------------------------------------------- Student's t


@expand(stats.t.logpdf)
def t_logpdf(x, df, loc=0.0, scale=1.0):
    """The logarithm of the density."""
    z = (x - loc) / positive(scale)
    n = positive(df)
    top = special.gammaln(0.5 * (n + 1.0)) - special.gammaln(0.5 * n)
    return top - 0.5 * np.log(math.pi * n) - 0.5 * (n + 1.0) * np.log1p(z * z / n) - np.log(scale)


@expand(stats.t.pdf)
def t_pdf(x, df, loc=0.0, scale=1.0):
    """The density."""
    return np.exp(t_logpdf(x, df, loc, scale))


@expand(stats.t.cdf)
def t_cdf(x, df, loc=0.0, scale=1.0):
    """The probability of less than x."""
    return special.stdtr(positive(df), (x - loc) / positive(scale))


@expand(stats.t.logcdf)
def t_logcdf(x, df, loc=0.0, scale=1.0):
    """The logarithm of ``cdf``."""
    return np.log(t_cdf(x, df, loc, scale))


# ---------------------------------------------------------------- gamma, chi2, beta


@expand(stats.gamma.logpdf)
def gamma_logpdf(x, a, loc=0.0, scale=1.0):
    """The logarithm of the density."""
    z = (x - loc) / positive(scale)
    n = positive(a)
    return inside(z >= 0.0, special.xlogy(n - 1.0, z) - z - special.gammaln(n) - np.log(scale))


@expand(stats.gamma.pdf)
def gamma_pdf(x, a, loc=0.0, scale=1.0):
    """The density."""
    return np.exp(gamma_logpdf(x, a, loc, scale))


@expand(stats.gamma.cdf)
def gamma_cdf(x, a, loc=0.0, scale=1.0):
    """The probability of less than x."""
    return special.gammainc(positive(a), np.maximum((x - loc) / positive(scale), 0.0))


@expand(stats.chi2.logpdf)
def chi2_logpdf(x, df, loc=0.0, scale=1.0):
    """The logarithm of the density."""
    return gamma_logpdf(x, 0.5 * df, loc, 2.0 * scale)


@expand(stats.chi2.pdf)
def chi2_pdf(x, df, loc=0.0, scale=1.0):
    """The density."""
    return gamma_pdf(x, 0.5 * df, loc, 2.0 * scale)


@expand(stats.chi2.cdf)
def chi2_cdf(x, df, loc=0.0, scale=1.0):
    """The probability of less than x."""
    return gamma_cdf(x, 0.5 * df, loc, 2.0 * scale)


@expand(stats.beta.logpdf)
def beta_logpdf(x, a, b, loc=0.0, scale=1.0):
    """The logarithm of the density."""
    z = (x - loc) / positive(scale)
    n, m = positive(a), positive(b)
    powers = special.xlogy(n - 1.0, z) + special.xlog1py(m - 1.0, -z)
    return inside((z >= 0.0) & (z <= 1.0), powers - special.betaln(n, m) - np.log(scale))


@expand(stats.beta.pdf)
def beta_pdf(x, a, b, loc=0.0, scale=1.0):
    """The density."""
    return np.exp(beta_logpdf(x, a, b, loc, scale))


@expand(stats.beta.cdf)
def beta_cdf(x, a, b, loc=0.0, scale=1.0):
    """The probability of less than x."""
    z = (x - loc) / positive(scale)
    return special.betainc(positive(a), positive(b), np.minimum(np.maximum(z, 0.0), 1.0))


@expand(stats.dirichlet.logpdf)
def dirichlet_logpdf(x, alpha):
    """The logarithm of the density; the first axis of x counts the classes, all of them."""
    if x.shape[0] != alpha.shape[0]:
        raise ValueError("stats.dirichlet: x must have as many entries as alpha")
    if np.any(alpha <= 0.0):
        raise ValueError("All parameters must be greater than 0")
    if np.any(x < 0.0) or np.any(np.abs(np.sum(x, axis=0) - 1.0) > 1e-9):
        raise ValueError("The input vector 'x' must lie within the normal simplex")
    powers = np.sum(special.xlogy(alpha - 1.0, x.T), axis=-1)
    return powers - np.sum(special.gammaln(alpha)) + special.gammaln(np.sum(alpha))


@expand(stats.dirichlet.pdf)
def dirichlet_pdf(x, alpha):
    """The density."""
    return np.exp(dirichlet_logpdf(x, alpha))


# ---------------------------------------------------------------- counts


@expand(stats.poisson.logpmf)
def poisson_logpmf(k, mu, loc=0):
    """The logarithm of the probability of k events."""
    n = count(k - loc)
    m = np.where(mu >= 0.0, mu, np.nan)
    return inside((n >= 0) & (n == np.floor(n)), special.xlogy(n, m) - special.gammaln(n + 1.0) - m)


@expand(stats.poisson.pmf)
def poisson_pmf(k, mu, loc=0):
    """The probability of k events."""
    return np.exp(poisson_logpmf(k, mu, loc))


@expand(stats.poisson.cdf)
def poisson_cdf(k, mu, loc=0):
    """The probability of no more than k events."""
    n = np.floor(count(k - loc))
    return np.where(n >= 0.0, special.gammaincc(np.maximum(n, 0.0) + 1.0, mu), 0.0)
