"""Contractions by ``np.einsum`` against the same by ``np.dot``, ``np.tensordot`` or loops.

Every function is a loss; what is timed is its value and its gradient with respect to all arguments:
srcad of the form with ``np.einsum``, srcad of the other form, and an adjoint by hand in Numba.
"""

import numpy as np
from numba import njit

import srcad
from benchmarks.measure import AGREEMENT, Disagreement, difference, in_turns

CASES = {}


def case(name, **sizes):
    """A class with ``einsum``, ``plain``, ``hand`` and, by name, the shapes of the arguments."""

    def register(cls):
        CASES[name] = (cls, sizes)
        return cls

    return register


def arguments(shapes, scale=1):
    random = np.random.default_rng(7)
    return tuple(
        random.standard_normal(tuple(max(2, n // scale) for n in s)) for s in shapes.values()
    )


@case("ij,jk->ik", a=(200, 200), b=(200, 200))
class Product:
    @staticmethod
    def einsum(a, b):
        c = np.einsum("ij,jk->ik", a, b)
        return np.sum(c * c)

    @staticmethod
    def plain(a, b):
        c = np.dot(a, b)
        return np.sum(c * c)

    @staticmethod
    def hand(a, b):
        c = np.dot(a, b)
        value = 0.0
        for i in range(c.shape[0]):
            for k in range(c.shape[1]):
                value += c[i, k] * c[i, k]
                c[i, k] = 2.0 * c[i, k]
        return value, np.dot(c, b.T), np.dot(a.T, c)


@case("ij,kj->ki", a=(150, 250), b=(180, 250))
class Turned:
    @staticmethod
    def einsum(a, b):
        c = np.einsum("ij,kj->ki", a, b)
        return np.sum(c * c)

    @staticmethod
    def plain(a, b):
        c = b @ a.T
        return np.sum(c * c)

    @staticmethod
    def hand(a, b):
        c = np.dot(b, a.T)
        value = 0.0
        for k in range(c.shape[0]):
            for i in range(c.shape[1]):
                value += c[k, i] * c[k, i]
                c[k, i] = 2.0 * c[k, i]
        return value, np.dot(c.T, b), np.dot(c, a)


@case("bij,bjk->bik", a=(64, 32, 32), b=(64, 32, 32))
class Batched:
    @staticmethod
    def einsum(a, b):
        c = np.einsum("bij,bjk->bik", a, b)
        return np.sum(c * c)

    @staticmethod
    def plain(a, b):
        s = 0.0
        for n in range(a.shape[0]):
            c = np.dot(a[n], b[n])
            s += np.sum(c * c)
        return s

    @staticmethod
    def hand(a, b):
        a_b, b_b = np.empty_like(a), np.empty_like(b)
        c = np.empty((a.shape[1], b.shape[2]))
        value = 0.0
        for n in range(a.shape[0]):
            np.dot(a[n], b[n], c)
            for i in range(c.shape[0]):
                for k in range(c.shape[1]):
                    value += c[i, k] * c[i, k]
                    c[i, k] = 2.0 * c[i, k]
            np.dot(c, b[n].T, a_b[n])
            np.dot(a[n].T, c, b_b[n])
        return value, a_b, b_b


@case("bij,bjk->bik, 3 x 3", a=(2000, 3, 3), b=(2000, 3, 3))
class Small(Batched):
    @staticmethod
    def hand(a, b):
        a_b, b_b = np.zeros_like(a), np.zeros_like(b)
        value = 0.0
        for n in range(a.shape[0]):
            for i in range(a.shape[1]):
                for k in range(b.shape[2]):
                    c = 0.0
                    for j in range(a.shape[2]):
                        c += a[n, i, j] * b[n, j, k]
                    value += c * c
                    for j in range(a.shape[2]):
                        a_b[n, i, j] += 2.0 * c * b[n, j, k]
                        b_b[n, j, k] += 2.0 * c * a[n, i, j]
        return value, a_b, b_b


@case("bij,bj->bi", a=(200, 40, 40), x=(200, 40))
class BatchedVector:
    @staticmethod
    def einsum(a, x):
        c = np.einsum("bij,bj->bi", a, x)
        return np.sum(c * c)

    @staticmethod
    def plain(a, x):
        s = 0.0
        for n in range(a.shape[0]):
            c = np.dot(a[n], x[n])
            s += np.sum(c * c)
        return s

    @staticmethod
    def hand(a, x):
        a_b, x_b = np.empty_like(a), np.empty_like(x)
        value = 0.0
        for n in range(a.shape[0]):
            c = np.dot(a[n], x[n])
            for i in range(c.size):
                value += c[i] * c[i]
                c[i] = 2.0 * c[i]
                for j in range(x.shape[1]):
                    a_b[n, i, j] = c[i] * x[n, j]
            x_b[n] = np.dot(a[n].T, c)
        return value, a_b, x_b


@case("ijk,kl->ijl", a=(30, 30, 60), b=(60, 60))
class Last:
    @staticmethod
    def einsum(a, b):
        c = np.einsum("ijk,kl->ijl", a, b)
        return np.sum(c * c)

    @staticmethod
    def plain(a, b):
        c = np.tensordot(a, b, 1)
        return np.sum(c * c)

    @staticmethod
    def hand(a, b):
        flat = a.reshape((a.shape[0] * a.shape[1], a.shape[2]))
        c = np.dot(flat, b)
        value = 0.0
        for i in range(c.shape[0]):
            for k in range(c.shape[1]):
                value += c[i, k] * c[i, k]
                c[i, k] = 2.0 * c[i, k]
        return value, np.dot(c, b.T).reshape(a.shape), np.dot(flat.T, c)


@case("ijk,jl->ikl", a=(30, 60, 30), b=(60, 60))
class Middle:
    @staticmethod
    def einsum(a, b):
        c = np.einsum("ijk,jl->ikl", a, b)
        return np.sum(c * c)

    @staticmethod
    def plain(a, b):
        c = np.tensordot(a, b, ((1,), (0,)))
        return np.sum(c * c)

    @staticmethod
    def hand(a, b):
        a_b, b_b = np.empty_like(a), np.zeros_like(b)
        c = np.empty((a.shape[2], b.shape[1]))
        share = np.empty_like(b)
        value = 0.0
        for i in range(a.shape[0]):
            np.dot(a[i].T, b, c)
            for k in range(c.shape[0]):
                for m in range(c.shape[1]):
                    value += c[k, m] * c[k, m]
                    c[k, m] = 2.0 * c[k, m]
            np.dot(b, c.T, a_b[i])
            np.dot(a[i], c, share)
            for j in range(share.shape[0]):
                for m in range(share.shape[1]):
                    b_b[j, m] += share[j, m]
        return value, a_b, b_b


@case("ijkl,jl->ik", a=(30, 30, 30, 30), b=(30, 30))
class Weighted:
    @staticmethod
    def einsum(a, b):
        c = np.einsum("ijkl,jl->ik", a, b)
        return np.sum(c * c)

    @staticmethod
    def plain(a, b):
        c = np.tensordot(a, b, ((1, 3), (0, 1)))
        return np.sum(c * c)

    @staticmethod
    def hand(a, b):
        a_b, b_b = np.empty_like(a), np.zeros_like(b)
        c = np.zeros((a.shape[0], a.shape[2]))
        value = 0.0
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                for k in range(a.shape[2]):
                    s = 0.0
                    for m in range(a.shape[3]):
                        s += a[i, j, k, m] * b[j, m]
                    c[i, k] += s
            for k in range(a.shape[2]):
                value += c[i, k] * c[i, k]
                c[i, k] = 2.0 * c[i, k]
            for j in range(a.shape[1]):
                for k in range(a.shape[2]):
                    for m in range(a.shape[3]):
                        a_b[i, j, k, m] = c[i, k] * b[j, m]
                        b_b[j, m] += c[i, k] * a[i, j, k, m]
        return value, a_b, b_b


@case("ij,ij->", a=(500, 500), b=(500, 500))
class Inner:
    @staticmethod
    def einsum(a, b):
        return np.einsum("ij,ij->", a, b)

    @staticmethod
    def plain(a, b):
        return np.sum(a * b)

    @staticmethod
    def hand(a, b):
        a_b, b_b = np.empty_like(a), np.empty_like(b)
        value = 0.0
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                value += a[i, j] * b[i, j]
                a_b[i, j] = b[i, j]
                b_b[i, j] = a[i, j]
        return value, a_b, b_b


@case("i,j->ij", x=(600,), y=(600,))
class Outer:
    @staticmethod
    def einsum(x, y):
        c = np.einsum("i,j->ij", x, y)
        return np.sum(c * c)

    @staticmethod
    def plain(x, y):
        c = np.outer(x, y)
        return np.sum(c * c)

    @staticmethod
    def hand(x, y):
        x_b, y_b = np.zeros_like(x), np.zeros_like(y)
        value = 0.0
        for i in range(x.size):
            for j in range(y.size):
                c = x[i] * y[j]
                value += c * c
                x_b[i] += 2.0 * c * y[j]
                y_b[j] += 2.0 * c * x[i]
        return value, x_b, y_b


@case("bqhd,bkhd->bhqk", q=(4, 48, 4, 32), k=(4, 48, 4, 32))
class Attention:
    @staticmethod
    def einsum(q, k):
        c = np.einsum("bqhd,bkhd->bhqk", q, k)
        return np.sum(c * c)

    @staticmethod
    def plain(q, k):
        s = 0.0
        for n in range(q.shape[0]):
            for h in range(q.shape[2]):
                c = np.dot(q[n, :, h], k[n, :, h].T)
                s += np.sum(c * c)
        return s

    @staticmethod
    def hand(q, k):
        q_b, k_b = np.empty_like(q), np.empty_like(k)
        value = 0.0
        for n in range(q.shape[0]):
            for h in range(q.shape[2]):
                one = np.ascontiguousarray(q[n, :, h])
                two = np.ascontiguousarray(k[n, :, h])
                c = np.dot(one, two.T)
                for i in range(c.shape[0]):
                    for j in range(c.shape[1]):
                        value += c[i, j] * c[i, j]
                        c[i, j] = 2.0 * c[i, j]
                q_b[n, :, h] = np.dot(c, two)
                k_b[n, :, h] = np.dot(c.T, one)
        return value, q_b, k_b


@case("ij,jk,k->i", a=(300, 300), b=(300, 300), x=(300,))
class Chain:
    @staticmethod
    def einsum(a, b, x):
        c = np.einsum("ij,jk,k->i", a, b, x)
        return np.sum(c * c)

    @staticmethod
    def plain(a, b, x):
        c = np.dot(a, np.dot(b, x))
        return np.sum(c * c)

    @staticmethod
    def hand(a, b, x):
        y = np.dot(b, x)
        c = np.dot(a, y)
        value = 0.0
        for i in range(c.size):
            value += c[i] * c[i]
            c[i] = 2.0 * c[i]
        a_b, b_b = np.empty_like(a), np.empty_like(b)
        y_b = np.dot(a.T, c)
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                a_b[i, j] = c[i] * y[j]
        for j in range(b.shape[0]):
            for k in range(b.shape[1]):
                b_b[j, k] = y_b[j] * x[k]
        return value, a_b, b_b, np.dot(b.T, y_b)


def implementations(name, scale=1):
    """The calls of a case by kind, all checked to agree, and its arguments."""
    cls, shapes = CASES[name]
    given = arguments(shapes, scale)
    wrt = tuple(range(len(given)))
    compiled = njit(error_model="numpy")(cls.hand)
    functions = {
        kind: srcad.value_and_grad(getattr(cls, kind), wrt=wrt) for kind in ("einsum", "plain")
    }
    calls = {kind: lambda f=f: f(*given) for kind, f in functions.items()}
    calls["hand"] = lambda: compiled(*given)
    value, *gradient = calls["hand"]()
    for kind, f in functions.items():
        found, parts = f(*given)
        gap = max(abs(found / value - 1.0), difference(parts, tuple(gradient)))
        if not gap <= AGREEMENT:
            raise Disagreement(f"{name}: {kind} is {gap:.1e} from the adjoint by hand")
    return calls


def measure(seconds=2.0, only=tuple(CASES)):
    """Rows of times (s): the form with einsum, the other form, the adjoint by hand."""
    return [{"case": name} | in_turns(implementations(name), seconds, 15) for name in only]


def show(rows):
    print("Value and gradient (ms); then the form with np.einsum as a multiple")
    print(f"{'':22}{'einsum':>9}{'other':>9}{'by hand':>9}{'x other':>10}{'x by hand':>10}")
    for row in rows:
        einsum, other, hand = row["einsum"], row["plain"], row["hand"]
        times = "".join(f"{t * 1e3:9.3g}" for t in (einsum, other, hand))
        print(f"{row['case']:22}{times}{einsum / other:10.2f}{einsum / hand:10.2f}")


if __name__ == "__main__":
    show(measure(2.0))
