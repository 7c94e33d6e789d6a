"""Programs whose work is contractions: attention, networks, tensor trains, filters, in loops."""

import numpy as np

from tests.programs.registry import grid, program, wave


def cube(*shape, phase=0.3):
    return wave(int(np.prod(shape)), phase).reshape(shape)


@program(lambda: (cube(2, 3, 4), cube(2, 5, 4, phase=1.0), cube(2, 5, 3, phase=2.0)), single=True)
def attention(q, k, v):
    scores = np.einsum("bqd,bkd->bqk", q, k) / np.sqrt(q.shape[2])
    weights = np.exp(scores)
    weights = weights / np.sum(weights, axis=2, keepdims=True)
    out = np.einsum("bqk,bkd->bqd", weights, v)
    return np.sum(out * out)


@program(lambda: (cube(2, 3, 2, 4), cube(2, 5, 2, 4, phase=1.0)))
def heads_apart(q, k):
    scores = np.einsum("bqhd,bkhd->bhqk", q, k)
    return np.sum(np.tanh(scores)) + np.sum(scores[0, 1] ** 2)


@program(lambda: (cube(3, 4, 4), grid(5, 4, 1.1)))
def layers(w, x):
    for t in range(w.shape[0]):
        x = np.tanh(np.einsum("ij,bj->bi", w[t], x))
    return np.sum(x * x)


@program(lambda: (cube(2, 3, 3), cube(3, 2, 3), grid(3, 2)))
def tensor_train(first, second, third):
    whole = np.einsum("aib,bjc,ck->aijk", first, second, third)
    return np.sum(whole**2) + np.einsum("aib,bjc,ck->", first, second, third)


@program(lambda: (grid(3, 3), wave(3), 4), lambda: (grid(3, 3, 1.0), wave(3, 1.0), 0))
def bilinear_steps(a, x, n):
    for _ in range(n):
        x = x + 0.1 * np.einsum("i,ij->j", x, a) - 0.05 * np.einsum("i,i,i->i", x, x, x)
        a = a + 0.1 * np.einsum("i,j->ij", x, x)
    return np.einsum("i,ij,j", x, a, x)


@program(lambda: (cube(2, 3, 3), grid(2, 3)))
def batches_in_nested_loops(a, x):
    total = 0.0
    for k in range(2):
        for _ in range(2):
            x = np.sin(np.matvec(a, x)) * (k + 1.0)
            a = np.matmul(a, a) * 0.1
        total += np.sum(np.einsum("bi,bi->b", x, x) ** 2)
    return total + np.sum(np.linalg.trace(a))


@program(lambda: (grid(3, 4), grid(3, 4, 1.0)), outputs=("a",))
def written_by_slices(a, b):
    a[:, 1:3] = np.einsum("ij,kj->ik", b, b[:2])
    a[1] *= np.einsum("ij,ij->j", a, b)
    a[:, ::2] += np.tensordot(b, b, ((1,), (1,)))[:, :2]


@program(lambda: (grid(4, 4), cube(2, 4, 4), wave(4)), whole=True)
def views_as_operands(a, b, x):
    rows = np.einsum("ij,j->i", a[1:, ::2], x[:2])
    planes = np.einsum("bji,jk->bik", b[:, :2], a[:2].T[:2])
    return rows, np.dot(b[1], a[::-1]), planes, np.inner(b, a.T)


@program(lambda: (grid(3, 3) + 2.0 * np.eye(3), grid(3, 3, 1.0), 3))
def powers(a, b, n):
    p = np.linalg.multi_dot([np.linalg.matrix_power(a, -2), b, np.linalg.matrix_power(a, n)])
    return np.sum(p) + np.trace(np.kron(a, b), 1)
