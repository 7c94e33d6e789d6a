"""The functions of ``np.linalg`` as users call them: options, and stacks of matrices.

A stack ``a[..., :, :]`` is a loop over its matrices, which go to the rules of ``srcad.rules.linalg``.
"""

import numpy as np

from srcad.rules.linalg import complex_eig, h, solve_columns, thin_svd
from srcad.rules.matrices import root, squares
from srcad.rules.registry import expand

# ---------------------------------------------------------------- stacks


@expand(np.linalg.inv)
def inv(a):
    """The inverses of a stack of matrices."""
    a = np.asarray(a)
    flat = a.reshape((-1, a.shape[-2], a.shape[-1]))
    out = np.empty_like(flat)
    for k in range(flat.shape[0]):
        out[k] = np.linalg.inv(flat[k])
    return out.reshape(a.shape)


@expand(np.linalg.solve)
def solve(a, b):
    """The solutions for a matrix of right-hand sides, or for each matrix of a stack."""
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim == 2 and b.ndim == 2:
        return solve_columns(a, b)
    n = a.shape[-1]
    systems = a.reshape((-1, n, n))
    if b.ndim == 1:
        out = np.empty((systems.shape[0], n), dtype=np.result_type(a, b))
        for k in range(systems.shape[0]):
            out[k] = np.linalg.solve(systems[k], b)
        return out.reshape(a.shape[:-1])
    if a.ndim > 2 and b.ndim > 2 and a.shape[:-2] != b.shape[:-2]:
        raise ValueError("np.linalg.solve: stacks of different lengths are not supported here")
    sides = b.reshape((-1, n, b.shape[-1]))
    count = max(systems.shape[0], sides.shape[0])
    out = np.empty((count, n, b.shape[-1]), dtype=np.result_type(a, b))
    for k in range(count):
        own = systems[k] if a.ndim > 2 else systems[0]
        out[k] = solve_columns(own, sides[k] if b.ndim > 2 else sides[0])
    return out.reshape((*(a if a.ndim > 2 else b).shape[:-2], n, b.shape[-1]))


@expand(np.linalg.det)
def det(a):
    """The determinants of a stack of matrices."""
    flat = a.reshape((-1, a.shape[-2], a.shape[-1]))
    out = np.empty(flat.shape[0], dtype=a.dtype)
    for k in range(flat.shape[0]):
        out[k] = np.linalg.det(flat[k])
    return out.reshape(a.shape[:-2])


@expand(np.linalg.slogdet)
def slogdet(a):
    """Signs and logarithms of the determinants of a stack of matrices."""
    flat = a.reshape((-1, a.shape[-2], a.shape[-1]))
    signs = np.empty(flat.shape[0], dtype=a.dtype)
    logs = np.empty(flat.shape[0], dtype=np.real(a).dtype)
    for k in range(flat.shape[0]):
        signs[k], logs[k] = np.linalg.slogdet(flat[k])
    return signs.reshape(a.shape[:-2]), logs.reshape(a.shape[:-2])


@expand(np.linalg.cholesky)
def cholesky(a, /, *, upper=False):
    """The lower factors of a stack of matrices, or the upper factor of one."""
    if upper:
        return h(np.linalg.cholesky(h(a)))
    flat = a.reshape((-1, a.shape[-2], a.shape[-1]))
    out = np.empty_like(flat)
    for k in range(flat.shape[0]):
        out[k] = np.linalg.cholesky(flat[k])
    return out.reshape(a.shape)


@expand(np.linalg.eigh)
def eigh(a, UPLO="L"):
    """Eigenvalues and vectors of a stack of Hermitian matrices, from one of their triangles."""
    if UPLO == "U":
        return np.linalg.eigh(np.conj(np.swapaxes(a, -1, -2)))
    flat = a.reshape((-1, a.shape[-2], a.shape[-1]))
    w = np.empty(flat.shape[:2], dtype=np.real(a).dtype)
    v = np.empty_like(flat)
    for k in range(flat.shape[0]):
        w[k], v[k] = np.linalg.eigh(flat[k])
    return w.reshape(a.shape[:-1]), v.reshape(a.shape)


@expand(np.linalg.eigvalsh)
def eigvalsh(a, UPLO="L"):
    """Eigenvalues of a stack of Hermitian matrices, from one of their triangles."""
    if UPLO == "U":
        return np.linalg.eigvalsh(np.conj(np.swapaxes(a, -1, -2)))
    flat = a.reshape((-1, a.shape[-2], a.shape[-1]))
    w = np.empty(flat.shape[:2], dtype=np.real(a).dtype)
    for k in range(flat.shape[0]):
        w[k] = np.linalg.eigvalsh(flat[k])
    return w.reshape(a.shape[:-1])


# ---------------------------------------------------------------- options


@expand(np.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    """The singular value decompositions of a stack of matrices, or of one."""
    if not compute_uv:
        return svdvals(a)
    if full_matrices and a.shape[-2] != a.shape[-1]:
        raise ValueError(
            "np.linalg.svd of a matrix that is not square: only the thin decomposition has a "
            "derivative; pass full_matrices=False"
        )
    if a.ndim == 2:
        return thin_svd(a)
    m, n = a.shape[-2], a.shape[-1]
    rank = min(m, n)
    flat = a.reshape((-1, m, n))
    u = np.empty((flat.shape[0], m, rank), dtype=a.dtype)
    s = np.empty((flat.shape[0], rank), dtype=np.real(a).dtype)
    vh = np.empty((flat.shape[0], rank, n), dtype=a.dtype)
    for k in range(flat.shape[0]):
        u[k], s[k], vh[k] = thin_svd(flat[k])
    before = a.shape[:-2]
    return (
        u.reshape((*before, m, rank)),
        s.reshape((*before, rank)),
        vh.reshape((*before, rank, n)),
    )


@expand(np.linalg.eig)
def eig(a):
    """Eigenvalues and vectors, complex for a real matrix too."""
    return complex_eig(np.asarray(a) + 0j)


@expand(np.linalg.eigvals)
def eigvals(a):
    """The eigenvalues, complex for a real matrix too."""
    return complex_eig(np.asarray(a) + 0j)[0]


@expand(np.linalg.svdvals)
def svdvals(x):
    """The singular values."""
    if x.ndim == 2:
        return thin_svd(x)[1]
    return np.linalg.svd(x, False)[1]


@expand(np.linalg.cond)
def cond(x, p=None):
    """The condition number."""
    if p is None or p == 2:
        s = svdvals(x)
        return s[0] / s[-1]
    if p == -2:
        s = svdvals(x)
        return s[-1] / s[0]
    return np.linalg.norm(x, p) * np.linalg.norm(np.linalg.inv(x), p)


@expand(np.linalg.lstsq)
def lstsq(a, b, rcond=None):
    """The least squares solution, its residuals, the rank, and the singular values."""
    m, n = a.shape
    s = svdvals(a)
    cut = np.finfo(a.dtype).eps * max(m, n) if rcond is None else rcond
    rank = 0
    for k in range(s.shape[0]):
        if s[k] > cut * s[0]:
            rank += 1
    x = np.linalg.pinv(a, cut) @ b
    gap = b - a @ x
    size = 0
    if rank == n and m > n:
        size = 1 if b.ndim == 1 else b.shape[1]
    residuals = np.empty(size)
    for k in range(size):
        own = gap if b.ndim == 1 else gap[:, k]
        residuals[k] = np.sum(np.real(own) ** 2 + np.imag(own) ** 2)
    return x, residuals, rank, s


# ---------------------------------------------------------------- norms


@expand(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of a vector, of a matrix, or of the vectors along an axis."""
    x = np.asarray(x)
    if axis is not None:
        return norm_along(x, ord, axis, keepdims)
    if keepdims:
        return np.full((1,) * x.ndim, norm_of_all(x, ord))
    return norm_of_all(x, ord)


def norm_of_all(x, ord):
    """The norm of a vector or a matrix."""
    if ord is None or (ord == 2 and x.ndim == 1) or (ord == "fro" and x.ndim == 2):
        return root(np.sum(squares(x)))
    if x.ndim == 2:
        return norm_of_matrix(x, ord)
    if ord == 0:
        return 1.0 * np.count_nonzero(x)
    if ord == 1:
        return np.sum(np.abs(x))
    if ord == np.inf:
        return np.max(np.abs(x))
    if ord == -np.inf:
        return np.min(np.abs(x))
    return root(np.sum(np.abs(x) ** ord), 1.0 / ord)  # type: ignore[operator]


def norm_along(x, ord, axis, keepdims):
    """Norms of the vectors along an axis, or of the matrices along two."""
    if not isinstance(axis, int) and len(axis) == 2:
        return norm_of_matrices(x, ord, axis, keepdims)
    if ord is None or ord == 2:
        return root(np.sum(squares(x), axis=axis, keepdims=keepdims))
    if ord == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == np.inf:
        return np.max(np.abs(x), axis=axis, keepdims=keepdims)
    if ord == -np.inf:
        return np.min(np.abs(x), axis=axis, keepdims=keepdims)
    return root(np.sum(np.abs(x) ** ord, axis=axis, keepdims=keepdims), 1.0 / ord)


def norm_of_matrices(x, ord, axis, keepdims):
    """Norms of the matrices along two axes."""
    if ord is None or ord == "fro":
        return root(np.sum(squares(x), axis=axis, keepdims=keepdims))
    if ord in ("nuc", 2, -2):
        s = svdvals(np.moveaxis(x, axis, (-2, -1)))
        found = np.sum(s, axis=-1) if ord == "nuc" else s[..., 0] if ord == 2 else s[..., -1]
        return np.expand_dims(found, axis) if keepdims else found
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    if ord in (1, -1):
        sums = np.sum(np.abs(x), axis=axis[0], keepdims=True)
        found = extreme(sums, ord, axis[1])
    else:
        sums = np.sum(np.abs(x), axis=axis[1], keepdims=True)
        found = extreme(sums, ord, axis[0])
    return found if keepdims else np.squeeze(found, axis)


def extreme(sums, ord, axis):
    """The largest of the sums, or the smallest for a negative order."""
    if ord > 0:
        return np.max(sums, axis=axis, keepdims=True)
    return np.min(sums, axis=axis, keepdims=True)


def norm_of_matrix(x, ord):
    """A norm of a matrix as a linear map, or the sum of its singular values."""
    if ord == "nuc":
        return np.sum(svdvals(x))
    if ord in (2, -2):
        s = svdvals(x)
        return s[0] if ord == 2 else s[-1]
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    sums = np.sum(np.abs(x), axis=0 if ord in (1, -1) else 1)
    return np.max(sums) if ord > 0 else np.min(sums)


@expand(np.linalg.matrix_norm)
def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """The norm of a matrix."""
    return np.linalg.norm(x, ord, keepdims=keepdims)  # type: ignore[call-overload]


@expand(np.linalg.vector_norm)
def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """The norm of the vectors along an axis, or of all elements."""
    if axis is None:
        return np.linalg.norm(x.ravel(), ord)
    return np.linalg.norm(x, ord, axis, keepdims)
