"""Pricing and risk kernels: closed forms, trees, Monte Carlo with fixed draws, PDEs, curves."""

import math
from collections import namedtuple

import numpy as np
from numba import njit

from tests.programs.registry import grid, program, ramp, wave


def norm_cdf(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def black_scholes(S, K, T, r, sigma, kind="call"):
    """Price of a European option."""
    if T <= 0:
        return max(S - K, 0.0) if kind == "call" else max(K - S, 0.0)
    vol = sigma * math.sqrt(T)
    d1 = (math.log(S / K) + (r + 0.5 * sigma**2) * T) / vol
    d2 = d1 - vol
    if kind == "call":
        return S * norm_cdf(d1) - K * math.exp(-r * T) * norm_cdf(d2)
    elif kind == "put":
        return K * math.exp(-r * T) * norm_cdf(-d2) - S * norm_cdf(-d1)
    raise ValueError(f"unknown option kind {kind!r}")


@program(
    lambda: (100.0, 105.0, 0.75, 0.03, 0.25),
    lambda: (100.0, 80.0, 2.0, 0.03, 0.4),
    kwargs={"kind": "put"},
)
def black_scholes_put(S, K, T, r, sigma, kind="call"):
    return black_scholes(S, K, T, r, sigma, kind=kind)


@program(lambda: (100.0, ramp(4, 80.0, 120.0), 0.75, 0.03, ramp(4, 0.3, 0.2)), whole=True)
def option_book_greeks(spot, strikes, expiry, rate, vols):
    values = np.zeros_like(strikes)
    deltas = np.zeros_like(strikes)
    for i, (k, vol) in enumerate(zip(strikes, vols)):
        is_call = k >= spot

        def price(s, k=k, vol=vol, is_call=is_call):
            if is_call:
                return black_scholes(s, k, expiry, rate, vol, "call")
            return black_scholes(s, k, expiry, rate, vol, "put")

        values[i] = price(spot)
        up, down = price(spot * 1.001), price(spot * 0.999)
        deltas[i] = (up - down) / (0.002 * spot)
    return values, deltas


@program(
    lambda: (100.0, 103.0, 0.5, 0.04, 0.3, 6, True, "put"),
    lambda: (100.0, 97.0, 0.5, 0.04, 0.3, 5, False, "put"),
)
def binomial_option(S0, K, T, r, sigma, N, american, kind):
    dt = T / N
    u = np.exp(sigma * np.sqrt(dt))
    d = 1.0 / u
    q = (np.exp(r * dt) - d) / (u - d)
    disc = np.exp(-r * dt)
    sign = 1.0 if kind == "call" else -1.0
    values = [max(sign * (S0 * u**j * d ** (N - j) - K), 0.0) for j in range(N + 1)]
    for step in range(N - 1, -1, -1):
        for j in range(step + 1):
            hold = disc * (q * values[j + 1] + (1.0 - q) * values[j])
            if american:
                exercise = sign * (S0 * u**j * d ** (step - j) - K)
                values[j] = max(hold, exercise)
            else:
                values[j] = hold
    return values[0]


@program(lambda: (100.0, 103.0, 0.5, 0.04, 0.3, 6))
def binomial_slices(S, K, T, r, sigma, n):
    dt = T / n
    up = math.exp(sigma * math.sqrt(dt))
    p = (math.exp(r * dt) - 1 / up) / (up - 1 / up)
    j = np.arange(n + 1)
    prices = S * up ** (2.0 * j - n)
    v = np.maximum(K - prices, 0.0)
    for i in range(n, 0, -1):
        prices = prices[:-1] * up
        v = math.exp(-r * dt) * (p * v[1:] + (1 - p) * v[:-1])
        v = np.maximum(v, K - prices)
    return v[0]


Market = namedtuple("Market", ["spot", "rate", "dividend"])


@njit(fastmath=True)
def gbm_path(path, spot, drift, vol, z):
    s = spot
    for t in range(z.shape[0]):
        s *= math.exp(drift + vol * z[t])
        path[t] = s


@program(
    lambda: (100.0, 0.03, 98.0, 0.25, 1.0, grid(6, 4) * 1.3, None),
)
def asian_monte_carlo(spot, rate, strike, sigma, T, z, control=None):
    paths, steps = z.shape
    dt = T / steps
    drift = (rate - 0.5 * sigma * sigma) * dt
    vol = sigma * math.sqrt(dt)
    path = np.empty(steps)
    total = 0.0
    for i in range(paths):
        gbm_path(path, spot, drift, vol, z[i])
        payoff = max(path.mean() - strike, 0.0)
        if control is not None:
            payoff -= control * (path[-1] - spot * math.exp(rate * T))
        total += payoff
    return math.exp(-rate * T) * total / paths


@program(
    lambda: (Market(100.0, 0.03, 0.01), 98.0, 0.25, 1.0, grid(5, 4) * 1.3),
    wrt=(1, 2, 3, 4),
    whole=True,
)
def vectorised_monte_carlo(market, strike, sigma, T, z):
    n, m = z.shape
    dt = T / m
    increments = (market.rate - market.dividend - 0.5 * sigma**2) * dt + sigma * np.sqrt(dt) * z
    paths = market.spot * np.exp(np.cumsum(increments, axis=1))
    payoff = np.maximum(np.mean(paths, axis=1) - strike, 0)
    price = np.exp(-market.rate * T) * np.mean(payoff)
    return price, payoff


@program(
    lambda: (1.0, 0.04, 1.5, 0.04, 0.5, -0.7, 0.5, grid(4, 3), grid(4, 3, 1.5)),
)
@njit
def heston_full_truncation(s0, v0, kappa, theta, xi, rho, T, z1, z2):
    n, m = z1.shape
    dt = T / m
    acc = 0.0
    for i in range(n):
        s, v = s0, v0
        for t in range(m):
            vp = max(v, 0.0)
            w = rho * z1[i, t] + math.sqrt(1.0 - rho * rho) * z2[i, t]
            s *= math.exp(-0.5 * vp * dt + math.sqrt(vp * dt) * z1[i, t])
            v += kappa * (theta - vp) * dt + xi * math.sqrt(vp * dt) * w
        acc += max(s - 0.95, 0.0)
    return acc / n


@program(
    lambda: (100.0, 0.2, 0.3, 1.0, 132.2, grid(5, 4)),
)
def barrier_knock_out(spot, rate, sigma, T, barrier, z):
    n, m = z.shape
    dt = T / m
    total = 0.0
    for i in range(n):
        s = spot
        alive = True
        for t in range(m):
            s = s * math.exp((rate - 0.5 * sigma**2) * dt + sigma * math.sqrt(dt) * z[i, t])
            if s > barrier:
                alive = False
                break
        if alive:
            total += s
    return total / n


@program(lambda: (ramp(9, 60.0, 140.0), 101.0, 0.3, 0.03, 0.25, 4), whole=True)
def crank_nicolson_option(S, K, sigma, r, T, steps):
    n = S.size
    dt = T / steps
    V = np.maximum(K - S, 0.0)
    ds = S[1] - S[0]
    a = 0.25 * dt * (sigma**2 * S**2 / ds**2 - r * S / ds)
    b = -0.5 * dt * (sigma**2 * S**2 / ds**2 + r)
    c = 0.25 * dt * (sigma**2 * S**2 / ds**2 + r * S / ds)
    for _ in range(steps):
        rhs = V.copy()
        rhs[1:-1] = a[1:-1] * V[:-2] + (1 + b[1:-1]) * V[1:-1] + c[1:-1] * V[2:]
        rhs[0] = V[0] * math.exp(-r * dt)
        cp = np.zeros(n)
        dp = np.zeros(n)
        dp[0] = rhs[0]
        for i in range(1, n - 1):
            w = 1 - b[i] + a[i] * cp[i - 1]
            cp[i] = -c[i] / w
            dp[i] = (rhs[i] + a[i] * dp[i - 1]) / w
        V[n - 1] = rhs[n - 1]
        for i in range(n - 2, 0, -1):
            V[i] = dp[i] - cp[i] * V[i + 1]
        V[0] = dp[0]
    return V


def bootstrap(maturities, swap_rates):
    """Annual discount factors from par swap rates."""
    discounts = []
    annuity = 0.0
    for rate in swap_rates:
        df = (1.0 - rate * annuity) / (1.0 + rate)
        annuity += df
        discounts.append(df)
    return -np.log(np.array(discounts)) / maturities


@program(lambda: (ramp(5, 0.01, 0.03), np.array([0.5, 1.7, 2.2, 4.9, 6.0]), ramp(5, 3.0, 7.0)))
def bond_on_bootstrapped_curve(swap_rates, times, cashflows):
    grid_times = 1.0 + np.arange(len(swap_rates))
    zeros = bootstrap(grid_times, swap_rates)
    value = 0.0
    for t, cash in zip(times, cashflows):
        if t <= grid_times[0]:
            z = zeros[0]
        elif t >= grid_times[-1]:
            z = zeros[-1]
        else:
            i = int(np.searchsorted(grid_times, t))
            w = (t - grid_times[i - 1]) / (grid_times[i] - grid_times[i - 1])
            z = (1 - w) * zeros[i - 1] + w * zeros[i]
        value += cash * math.exp(-z * t)
    return value


@program(lambda: (9.0, 100.0, 105.0, 0.75, 0.03, 1e-12), wrt=(0, 1, 2, 3, 4))
def implied_volatility(price, S, K, T, r, tol):
    sigma = 0.2
    for i in range(50):
        vol = sigma * math.sqrt(T)
        d1 = (math.log(S / K) + (r + 0.5 * sigma**2) * T) / vol
        vega = S * math.sqrt(T) * math.exp(-0.5 * d1**2) / math.sqrt(2 * math.pi)
        step = (black_scholes(S, K, T, r, sigma) - price) / vega
        sigma -= step
        if abs(step) < tol:
            return sigma
    return sigma


@program(lambda: (0.1 * wave(8), 0.02, 0.1, 0.8))
def garch_likelihood(returns, omega, alpha, beta):
    var = np.zeros(len(returns))
    var[0] = np.mean(returns**2)
    for t in range(1, len(returns)):
        var[t] = omega + alpha * returns[t - 1] ** 2 + beta * var[t - 1]
    return 0.5 * np.sum(np.log(2 * np.pi * var) + returns**2 / var)


@program(lambda: (0.2 * grid(6, 3) + 0.05, ramp(3), 3.0, 4), whole=True)
def portfolio_by_gradient(returns, w, aversion, steps):
    mean = returns.mean(axis=0)
    centred = returns - mean
    cov = centred.T @ centred / (len(returns) - 1)
    w = w / w.sum()
    for _ in range(steps):
        g = mean - aversion * (cov @ w)
        w = w * np.exp(0.5 * g)
        w /= w.sum()
    return w, float(w @ mean - 0.5 * aversion * w @ cov @ w)
