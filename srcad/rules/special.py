"""Derivatives of the functions of ``scipy.special``; this module is read once SciPy is imported."""

import math

import numpy as np
from scipy import special

from srcad.rules.registry import constant, partials, same_as
from srcad.runtime.special import digamma

same_as("math.erf", special.erf)
same_as("math.erfc", special.erfc)
same_as("math.expm1", special.expm1)
same_as("math.log1p", special.log1p)
same_as("np.cbrt", special.cbrt)
same_as("np.exp2", special.exp2)
same_as("np.sinc", special.sinc)

# fmt: off
# ------------------------------------------------ the error function and the normal distribution


@partials("special.erfcx", special.erfcx)
def _(y, x):                                      # 2 x y - 2 / sqrt(pi), at large x its series
    return (
        2.0 * x * y - 1.1283791670955126
        if x < 40.0
        else -0.5641895835477563 / (x * x)
        * (1.0 - (1.5 - (3.75 - (13.125 - 59.0625 / (x * x)) / (x * x)) / (x * x)) / (x * x))
    )


@partials("special.erfi", special.erfi)
def _(y, x):
    return 1.1283791670955126 * math.exp(x * x)


@partials("special.dawsn", special.dawsn)
def _(y, x):                                      # 1 - 2 x y, at large x its series
    return (
        1.0 - 2.0 * x * y
        if abs(x) < 40.0
        else -0.5 / (x * x)
        * (1.0 + (1.5 + (3.75 + (13.125 + 59.0625 / (x * x)) / (x * x)) / (x * x)) / (x * x))
    )


@partials("special.erfinv", special.erfinv, singular=True)
def _(y, x):
    return 0.8862269254527580 * math.exp(y * y)


@partials("special.erfcinv", special.erfcinv, singular=True)
def _(y, x):
    return -0.8862269254527580 * math.exp(y * y)


@partials("special.ndtr", special.ndtr)
def _(y, x):
    return 0.3989422804014327 * math.exp(-0.5 * (x * x))


@partials("special.log_ndtr", special.log_ndtr)
def _(y, x):                                      # the density over ndtr(x), without underflow
    return 0.7978845608028654 / special.erfcx(x * -0.7071067811865476)


@partials("special.stdtr", special.stdtr)
def _(y, df, t):                                  # the density of Student's t
    return None, math.exp(
        -0.5 * (df + 1.0) * math.log1p(t * t / df) - special.betaln(0.5 * df, 0.5)
    ) / math.sqrt(df)


@partials("special.ndtri", special.ndtri, singular=True)
def _(y, x):
    return 2.5066282746310002 * math.exp(0.5 * (y * y))


# ------------------------------------------------ gamma and beta


@partials("special.gamma", special.gamma)
def _(y, x):
    return y * special.psi(x)


@partials("special.gammaln", special.gammaln)
def _(y, x):
    return special.psi(x)


@partials("special.loggamma", special.loggamma)
def _(y, x):
    return special.psi(x)


@partials("special.rgamma", special.rgamma)
def _(y, x):
    return -(y * special.psi(x))


constant("special.gammasgn", special.gammasgn)


@partials("special.psi", special.psi, special.digamma)
def _(y, x):
    return special.zeta(2.0, x)


@partials("digamma", digamma)                     # of math.gamma and math.lgamma
def _(y, x):
    return special.zeta(2.0, x)


@partials("special.zeta", special.zeta)
def _(y, s, q):
    return None, -(s * special.zeta(s + 1.0, q))


@partials("special.beta", special.beta)
def _(y, a, b):
    return (
        y * (special.psi(a) - special.psi(a + b)),
        y * (special.psi(b) - special.psi(a + b)),
    )


@partials("special.betaln", special.betaln)
def _(y, a, b):
    return special.psi(a) - special.psi(a + b), special.psi(b) - special.psi(a + b)


@partials("special.binom", special.binom)
def _(y, n, k):
    return (
        y * (special.psi(n + 1.0) - special.psi(n - k + 1.0)),
        y * (special.psi(n - k + 1.0) - special.psi(k + 1.0)),
    )


@partials("special.gammainc", special.gammainc, singular=True)
def _(y, a, x):                                   # x^(a - 1) e^-x / Gamma(a)
    return None, math.exp(special.xlogy(a - 1.0, x) - x - special.gammaln(a))


@partials("special.gammaincc", special.gammaincc, singular=True)
def _(y, a, x):
    return None, -math.exp(special.xlogy(a - 1.0, x) - x - special.gammaln(a))


@partials("special.betainc", special.betainc, singular=True)
def _(y, a, b, x):                                # x^(a - 1) (1 - x)^(b - 1) / B(a, b)
    return None, None, math.exp(
        special.xlogy(a - 1.0, x) + special.xlog1py(b - 1.0, -x) - special.betaln(a, b)
    )


# ------------------------------------------------ logistic functions and entropies


@partials("special.expit", special.expit)
def _(y, x):
    return y * special.expit(-x)


@partials("special.log_expit", special.log_expit)
def _(y, x):
    return special.expit(-x)


@partials("special.logit", special.logit, singular=True)
def _(y, x):
    return 1.0 / (x * (1.0 - x))


@partials("special.xlogy", special.xlogy, singular=True)
def _(z, x, y):                                   # 0 in y at the origin
    return math.log(y), (0.0 if x == 0.0 and y == 0.0 else x / y)


@partials("special.xlog1py", special.xlog1py, singular=True)
def _(z, x, y):
    return math.log1p(y), (0.0 if x == 0.0 and y == -1.0 else x / (1.0 + y))


@partials("special.entr", special.entr, singular=True)
def _(y, x):                                      # y = -x log(x)
    return -1.0 - math.log(x)


@partials("special.rel_entr", special.rel_entr, singular=True)
def _(z, x, y):                                   # z = x log(x / y)
    return (
        1.0 + (math.log(x / y) if x / y > 0.5 and x / y < 2.0 else math.log(x) - math.log(y)),
        0.0 if x == 0.0 and y == 0.0 else -(x / y),
    )


@partials("special.kl_div", special.kl_div, singular=True)
def _(z, x, y):                                   # z = x log(x / y) - x + y
    return (
        math.log(x / y) if x / y > 0.5 and x / y < 2.0 else math.log(x) - math.log(y),
        1.0 if x == 0.0 and y == 0.0 else (y - x) / y,
    )


@partials("special.huber", special.huber)
def _(y, delta, r):
    return (
        (0.0 if abs(r) <= delta else abs(r) - delta),
        (r if abs(r) <= delta else math.copysign(delta, r)),
    )


@partials("special.pseudo_huber", special.pseudo_huber)
def _(y, delta, r):                               # y = delta^2 (sqrt(1 + (r / delta)^2) - 1)
    return (
        y / delta / math.hypot(delta, r) * (y / delta),
        delta * (r / math.hypot(delta, r)),
    )


# ------------------------------------------------ powers and exponentials


@partials("special.exp10", special.exp10)
def _(y, x):
    return y * 2.302585092994046


@partials("special.cosm1", special.cosm1)
def _(y, x):
    return -math.sin(x)


@partials("special.exp1", special.exp1, singular=True)
def _(y, x):
    return -math.exp(-x) / x


@partials("special.expi", special.expi, singular=True)
def _(y, x):
    return math.exp(x) / x


@partials("special.spence", special.spence, singular=True)
def _(y, x):                                      # its series near 1
    return (
        -(1.0 + (1.0 - x) * (0.5 + (1.0 - x) * (0.3333333333333333 + (1.0 - x) * (
            0.25 + (1.0 - x) * (0.2 + (1.0 - x) / 6.0)))))
        if abs(x - 1.0) < 3e-3
        else math.log(x) / (1.0 - x)
    )


@partials("special.boxcox", special.boxcox, singular=True)
def _(y, x, lmbda):                               # in lmbda a series where lmbda math.log(x) is small
    return x ** (lmbda - 1.0), (
        math.log(x) * math.log(x) * (0.5 + lmbda * math.log(x) * (0.3333333333333333 + lmbda * math.log(x) * (
            0.125 + lmbda * math.log(x) * (0.03333333333333333 + lmbda * math.log(x) * (0.006944444444444444 + lmbda * math.log(x) / 840.0)))))
        if abs(lmbda * math.log(x)) < 0.02
        else (math.log(x) * (1.0 + lmbda * y) - y) / lmbda
    )


@partials("special.boxcox1p", special.boxcox1p, singular=True)
def _(y, x, lmbda):                               # in lmbda a series where lmbda math.log1p(x) is small
    return (1.0 + x) ** (lmbda - 1.0), (
        math.log1p(x) * math.log1p(x) * (0.5 + lmbda * math.log1p(x) * (0.3333333333333333 + lmbda * math.log1p(x) * (
            0.125 + lmbda * math.log1p(x) * (0.03333333333333333 + lmbda * math.log1p(x) * (0.006944444444444444 + lmbda * math.log1p(x) / 840.0)))))
        if abs(lmbda * math.log1p(x)) < 0.02
        else (math.log1p(x) * (1.0 + lmbda * y) - y) / lmbda
    )


@partials("special.inv_boxcox", special.inv_boxcox)
def _(z, y, lmbda):                               # z = (1 + lmbda y)^(1 / lmbda)
    return z ** (1.0 - lmbda), z * (
        y * y * (-0.5 + lmbda * y * (0.6666666666666666 - lmbda * y * (0.75 - lmbda * y * (
            0.8 - lmbda * y * (0.8333333333333334 - lmbda * y * 0.8571428571428571)))))
        if abs(lmbda * y) < 0.003
        else (y / (1.0 + lmbda * y) - math.log1p(lmbda * y) / lmbda) / lmbda
    )


# ------------------------------------------------ Bessel functions


@partials("special.j0", special.j0)
def _(y, x):
    return -special.j1(x)


@partials("special.j1", special.j1)
def _(y, x):
    return 0.5 * (special.j0(x) - special.jv(2.0, x))


@partials("special.jv", special.jv, special.jn)
def _(y, v, x):
    return None, 0.5 * (special.jv(v - 1.0, x) - special.jv(v + 1.0, x))


@partials("special.y0", special.y0, singular=True)
def _(y, x):
    return -special.y1(x)


@partials("special.y1", special.y1, singular=True)
def _(y, x):
    return special.y0(x) - y / x


@partials("special.yv", special.yv, singular=True)
def _(y, v, x):
    return None, 0.5 * (special.yv(v - 1.0, x) - special.yv(v + 1.0, x))


@partials("special.yn", special.yn, singular=True)
def _(y, n, x):
    return None, 0.5 * (special.yv(n - 1.0, x) - special.yv(n + 1.0, x))


@partials("special.i0", special.i0, np.i0)
def _(y, x):
    return special.i1(x)


@partials("special.i1", special.i1)
def _(y, x):
    return 0.5 * (special.i0(x) + special.iv(2.0, x))


@partials("special.i0e", special.i0e)
def _(y, x):
    return special.i1e(x) - np.sign(x) * y


@partials("special.i1e", special.i1e)
def _(y, x):
    return 0.5 * (special.i0e(x) + special.ive(2.0, x)) - np.sign(x) * y


@partials("special.iv", special.iv)
def _(y, v, x):
    return None, 0.5 * (special.iv(v - 1.0, x) + special.iv(v + 1.0, x))


@partials("special.ive", special.ive)
def _(y, v, x):
    return None, 0.5 * (special.ive(v - 1.0, x) + special.ive(v + 1.0, x)) - np.sign(x) * y


@partials("special.k0", special.k0, singular=True)
def _(y, x):
    return -special.k1(x)


@partials("special.k1", special.k1, singular=True)
def _(y, x):
    return -special.k0(x) - y / x


@partials("special.k0e", special.k0e, singular=True)
def _(y, x):
    return y - special.k1e(x)


@partials("special.k1e", special.k1e, singular=True)
def _(y, x):
    return y - special.k0e(x) - y / x


@partials("special.kv", special.kv, singular=True)
def _(y, v, x):
    return None, -0.5 * (special.kv(v - 1.0, x) + special.kv(v + 1.0, x))


@partials("special.kve", special.kve, singular=True)
def _(y, v, x):
    return None, y - 0.5 * (special.kve(v - 1.0, x) + special.kve(v + 1.0, x))


@partials("special.kn", special.kn, singular=True)
def _(y, n, x):
    return None, -0.5 * (special.kv(n - 1.0, x) + special.kv(n + 1.0, x))


# ------------------------------------------------ elliptic integrals


@partials("special.ellipk", special.ellipk, singular=True)
def _(y, m):                                      # its series near 0
    return (
        1.5707963267948966 * (0.25 + m * (0.28125 + m * (0.29296875 + m * (
            0.299072265625 + m * (0.3028106689453125 + m * 0.30533409118652344)))))
        if abs(m) < 1e-3
        else 0.5 * (special.ellipe(m) / (1.0 - m) - y) / m
    )


@partials("special.ellipe", special.ellipe, singular=True)
def _(y, m):                                      # its series near 0
    return (
        -1.5707963267948966 * (0.25 + m * (0.09375 + m * (0.05859375 + m * (
            0.042724609375 + m * (0.0336456298828125 + m * 0.027757644653320312)))))
        if abs(m) < 1e-3
        else 0.5 * (y - special.ellipk(m)) / m
    )
