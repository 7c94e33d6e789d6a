"""Linear algebra: LAPACK's functions with the derivatives of what they compute.

Each pullback is for one matrix and complex numbers too: ``h(a)`` is the conjugate transpose, and
an adjoint the Hermitian one. Stacks of matrices and options are in ``srcad.rules.factors``.

Sources: M. Giles, An extended collection of matrix derivative results (2008); S. Walter and
L. Lehmann, Algorithmic differentiation of linear algebra functions (2010, for qr); I. Murray,
Differentiation of the Cholesky decomposition (2016); G. Golub and V. Pereyra (1973, for pinv).
"""

import numpy as np

from srcad.rules.registry import d, pullback, pushforward
from srcad.runtime.inverses import cofactors


def h(a):
    """The conjugate transpose."""
    return a.conj().T if np.iscomplexobj(a) else a.T


def add_lower(target, full):
    """Add the adjoint of a Hermitian matrix to that of its lower triangle, which is all that is read."""
    for i in range(full.shape[0]):
        for j in range(i):
            target[i, j] += full[i, j] + np.conj(full[j, i])
        target[i, i] += np.real(full[i, i])


def from_lower(a):
    """The Hermitian matrix with this lower triangle."""
    lower = np.tril(a, -1)
    return lower + h(lower) + np.diag(np.real(np.diag(a)))


def gaps(values):
    """``f[i, j] = 1 / (values[j] - values[i])``, 0 where the two are equal."""
    n = values.shape[0]
    f = np.zeros((n, n), dtype=values.dtype)
    for i in range(n):
        for j in range(n):
            gap = values[j] - values[i]
            if gap != 0.0:
                f[i, j] = 1.0 / gap
    return f


# ---------------------------------------------------------------- systems and determinants


@pullback(np.linalg.inv, "(n,n)->(n,n)")
def _(y, a):
    d[a] -= h(y) @ d[y] @ h(y)


@pushforward(np.linalg.inv)
def _(y, a):
    d[y] = -y @ d[a] @ y


@pullback(np.linalg.solve, "(n,n),(n)->(n)")
def _(x, a, b):
    w = np.linalg.solve(h(a), d[x])
    d[b] += w
    d[a] -= np.outer(w, np.conj(x))


@pushforward(np.linalg.solve)
def _(x, a, b):
    d[x] = np.linalg.solve(a, d[b] - d[a] @ x)


def solve_columns(a, b):
    """``np.linalg.solve`` with a matrix of right-hand sides."""
    return np.linalg.solve(a, b)


@pullback(solve_columns, "(n,n),(n,k)->(n,k)", name="np.linalg.solve")
def _(x, a, b):
    w = solve_columns(h(a), d[x])
    d[b] += w
    d[a] -= w @ h(x)


@pushforward(solve_columns)
def _(x, a, b):
    d[x] = np.linalg.solve(a, d[b] - d[a] @ x)


@pullback(np.linalg.det, "(n,n)->()")
def _(y, a):
    if y != 0.0:
        d[a] += d[y] * np.conj(y) * h(np.linalg.inv(a))
    else:
        d[a] += d[y] * np.conj(cofactors(a))


@pushforward(np.linalg.det)
def _(y, a):
    d[y] = np.sum(cofactors(a) * d[a])


def minor(a, i, j):
    """The matrix without a row and a column."""
    n = a.shape[0] - 1
    out = np.empty((n, n), a.dtype)
    for k in range(n):
        for m in range(n):
            out[k, m] = a[k + (k >= i), m + (m >= j)]
    return out


@pullback(cofactors, "(n,n)->(n,n)", name="cofactors")
def _(y, a):
    for i in range(a.shape[0]):
        for j in range(a.shape[0]):
            inner = cofactors(minor(a, i, j))
            for k in range(inner.shape[0]):
                for m in range(inner.shape[0]):
                    share = (-1.0) ** (i + j) * d[y][i, j] * np.conj(inner[k, m])
                    d[a][k + (k >= i), m + (m >= j)] += share


@pushforward(cofactors)
def _(y, a):
    d[y] = np.empty(a.shape, a.dtype)
    for i in range(a.shape[0]):
        for j in range(a.shape[0]):
            moved = np.sum(cofactors(minor(a, i, j)) * minor(d[a], i, j))
            d[y][i, j] = (-1.0) ** (i + j) * moved


@pullback(np.linalg.slogdet, "(n,n)->(),real()", members=type(np.linalg.slogdet(np.eye(1))))
def _(y, a):
    sign, _ = y
    sign_adjoint, log_adjoint = d[y]
    w = h(np.linalg.inv(a))
    d[a] += log_adjoint * w
    if np.iscomplexobj(a):
        d[a] += 1j * np.real(np.conj(sign_adjoint) * sign * 1j) * w


@pushforward(np.linalg.slogdet)
def _(y, a):
    trace = np.trace(np.linalg.solve(a, d[a]))
    d[y] = y[0] * 1j * np.imag(trace) if np.iscomplexobj(a) else 0.0, np.real(trace)


# ---------------------------------------------------------------- decompositions


@pullback(np.linalg.cholesky, "(n,n)->(n,n)")
def _(y, a):
    p = np.tril(h(y) @ d[y])
    for i in range(p.shape[0]):
        p[i, i] = 0.5 * np.real(p[i, i])
    s = solve_columns(h(y), p)
    add_lower(d[a], h(solve_columns(h(y), h(s))))


@pushforward(np.linalg.cholesky)
def _(y, a):
    p = np.linalg.inv(y) @ from_lower(d[a]) @ h(np.linalg.inv(y))
    d[y] = y @ (np.tril(p) - 0.5 * np.diag(np.diag(p)))


@pullback(np.linalg.qr, "(m,n)->(m,k),(k,n)", members=type(np.linalg.qr(np.eye(1))))
def _(y, a):
    q, r = y
    q_adjoint, r_adjoint = d[y]
    m, n = a.shape
    if m >= n:
        d[a] += qr_share(q, r, q_adjoint, r_adjoint)
    else:
        rest = r_adjoint[:, m:]
        own = qr_share(q, r[:, :m], q_adjoint + a[:, m:] @ h(rest), r_adjoint[:, :m])
        d[a][:, :m] += own
        d[a][:, m:] += q @ rest


@pushforward(np.linalg.qr)
def _(y, a):
    q, r = y
    m, n = a.shape
    if m >= n:
        d[y] = qr_tangents(q, r, d[a])
    else:
        dq, dr = qr_tangents(q, r[:, :m], d[a][:, :m])
        d[y] = dq, np.hstack((dr, h(q) @ (d[a][:, m:] - dq @ r[:, m:])))


def qr_tangents(q, r, da):
    """Those of q and r, of a matrix that has at least as many rows as columns."""
    x = h(solve_columns(h(r), h(da)))
    c = h(q) @ x
    upper = np.triu(c) + h(np.tril(c, -1))
    for i in range(c.shape[0]):
        upper[i, i] = np.real(c[i, i])
    return x - q @ upper, upper @ r


def qr_share(q, r, q_adjoint, r_adjoint):
    """What the matrix receives that has at least as many rows as columns."""
    m = r @ h(r_adjoint) - h(q_adjoint) @ q
    low = np.tril(m, -1)
    mirrored = low + h(low)
    for i in range(m.shape[0]):
        mirrored[i, i] = np.real(m[i, i])
    return h(solve_columns(r, h(q_adjoint + q @ mirrored)))


def thin_svd(a, full_matrices=False):
    """``np.linalg.svd`` without the vectors that belong to no singular value."""
    return np.linalg.svd(a, full_matrices)


@pullback(
    thin_svd,
    "(m,n)->(m,k),real(k),(k,n)",
    members=type(np.linalg.svd(np.eye(1))),
    name="np.linalg.svd",
)
def _(y, a, full_matrices=False):
    u, s, vh = y
    u_adjoint, s_adjoint, vh_adjoint = d[y]
    v = h(vh)
    v_adjoint = h(vh_adjoint)
    along_u = h(u) @ u_adjoint
    along_v = h(v) @ v_adjoint
    skew_u = along_u - h(along_u)
    skew_v = along_v - h(along_v)
    f = gaps(s * s)
    inner = (f * skew_u) * s + s[:, None] * (f * skew_v)
    inverse = reciprocals(s)
    for i in range(s.shape[0]):
        inner[i, i] += s_adjoint[i] + 0.5 * skew_u[i, i] * inverse[i]
    d[a] += u @ inner @ vh
    if a.shape[0] > s.shape[0]:
        d[a] += ((u_adjoint - u @ along_u) * inverse) @ vh
    if a.shape[1] > s.shape[0]:
        d[a] += u @ h((v_adjoint - v @ along_v) * inverse)


@pushforward(thin_svd)
def _(y, a, full_matrices=False):
    u, s, vh = y
    v = h(vh)
    along_v = h(u) @ d[a]
    p = along_v @ v
    f = gaps(s * s)
    inverse = reciprocals(s)
    turn = f * (p * s + s[:, None] * h(p))
    if np.iscomplexobj(a):
        turn += np.diag(1j * np.imag(np.diag(p)) * inverse)
    du = u @ turn
    dv = v @ (f * (s[:, None] * p + h(p) * s))
    if a.shape[0] > s.shape[0]:
        du += (d[a] @ v - u @ p) * inverse
    if a.shape[1] > s.shape[0]:
        dv += (h(along_v) - v @ h(p)) * inverse
    d[y] = du, np.real(np.diag(p)), h(dv)


def reciprocals(s):
    """``1 / s``, 0 where s is 0."""
    out = np.zeros_like(s)
    for i in range(s.shape[0]):
        if s[i] != 0.0:
            out[i] = 1.0 / s[i]
    return out


@pullback(np.linalg.eigh, "(n,n)->real(n),(n,n)", members=type(np.linalg.eigh(np.eye(1))))
def _(y, a):
    w, v = y
    w_adjoint, v_adjoint = d[y]
    inner = gaps(w) * (h(v) @ v_adjoint)
    for i in range(w.shape[0]):
        inner[i, i] += w_adjoint[i]
    add_lower(d[a], v @ inner @ h(v))


@pushforward(np.linalg.eigh)
def _(y, a):
    w, v = y
    p = h(v) @ from_lower(d[a]) @ v
    d[y] = np.real(np.diag(p)), v @ (gaps(w) * p)


@pullback(np.linalg.eigvalsh, "(n,n)->real(n)")
def _(w, a):
    _, v = np.linalg.eigh(a)
    add_lower(d[a], (v * d[w]) @ h(v))


@pushforward(np.linalg.eigvalsh)
def _(w, a):
    _, v = np.linalg.eigh(a)
    d[w] = np.real(np.sum(np.conj(v) * (from_lower(d[a]) @ v), axis=0))


def complex_eig(a):
    """``np.linalg.eig`` of a complex matrix."""
    return np.linalg.eig(a)


@pullback(
    complex_eig,
    "(n,n)->(n),(n,n)",
    members=type(np.linalg.eig(np.eye(1))),
    name="np.linalg.eig",
)
def _(y, a):
    w, v = y
    w_adjoint, v_adjoint = d[y]
    along = h(v) @ v_adjoint
    inner = np.conj(gaps(w)) * (along - (h(v) @ v) * np.real(np.diag(along)))
    for i in range(w.shape[0]):
        inner[i, i] += w_adjoint[i]
    d[a] += solve_columns(h(v), inner @ h(v))


@pushforward(complex_eig)
def _(y, a):
    w, v = y
    p = solve_columns(v, d[a] @ v)
    change = v @ (gaps(w) * p)
    d[y] = np.diag(p), change - v * np.real(np.sum(np.conj(v) * change, axis=0))


@pullback(np.linalg.pinv, "(m,n)->(n,m)")
def _(y, a, rcond=1e-15):
    seed = h(d[y])
    d[a] += (seed - a @ (y @ seed)) @ y @ h(y)
    d[a] += h(y) @ y @ (seed - (seed @ y) @ a)
    d[a] -= h(y) @ d[y] @ h(y)


@pushforward(np.linalg.pinv)
def _(y, a, rcond=1e-15):
    da = h(d[a])
    d[y] = y @ h(y) @ (da - da @ a @ y) + (da - y @ a @ da) @ h(y) @ y - y @ d[a] @ y


@pullback(np.linalg.matrix_rank, "(m,n)->int()")
def _(y, a):
    pass
