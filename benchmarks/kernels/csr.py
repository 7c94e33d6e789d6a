"""A sparse matrix times a vector, from the three arrays of the CSR format; a misfit.

The gradient is with respect to the entries and the vector. Row by row the misfit is known at once, so
that an adjoint needs one sweep, which reads each entry once.
"""

import numpy as np

from benchmarks.kernel import jit, scaled

TITLE = "CSR matrix-vector product, 20,000 rows of 12"
WRT = ("data", "x")


def arguments(scale=1.0):
    random = np.random.default_rng(19)
    rows, row = scaled(20_000, scale, 6), 12 if scale == 1.0 else 3
    columns = np.sort(random.integers(0, rows, size=(rows, row)), axis=1)
    return {
        "data": random.normal(size=rows * row),
        "indices": columns.ravel(),
        "indptr": np.arange(0, rows * row + 1, row),
        "x": random.normal(size=rows),
        "b": random.normal(size=rows),
    }


def csr(data, indices, indptr, x, b):
    total = 0.0
    for i in range(b.size):
        s = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            s += data[k] * x[indices[k]]
        total += 0.5 * (s - b[i]) ** 2
    return total


PRIMAL = csr


@jit
def adjoint(data, indices, indptr, x, b):
    data_b = np.empty(data.size)
    x_b = np.zeros(x.size)
    for i in range(b.size):
        s = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            s += data[k] * x[indices[k]]
        s -= b[i]
        for k in range(indptr[i], indptr[i + 1]):
            data_b[k] = s * x[indices[k]]
            x_b[indices[k]] += s * data[k]
    return data_b, x_b


def jax_primal(jax):
    jnp = jax.numpy

    def primal(data, indices, indptr, x, b):
        rows = jnp.repeat(jnp.arange(b.size), jnp.diff(indptr), total_repeat_length=data.size)
        product = jax.ops.segment_sum(
            data * x[indices], rows, num_segments=b.size, indices_are_sorted=True
        )
        return 0.5 * jnp.sum((product - b) ** 2)

    return primal


def torch_primal(torch):
    def primal(data, indices, indptr, x, b):
        rows = torch.repeat_interleave(torch.arange(b.shape[0]), torch.diff(indptr))
        product = torch.zeros_like(b).index_add(0, rows, data * x[indices])
        return 0.5 * ((product - b) ** 2).sum()

    return primal


ENZYME = """
  double total = 0;
  for (int i = 0; i < 20000; i++) {
    double s = 0;
    for (int k = (int)indptr[i]; k < (int)indptr[i + 1]; k++) s += data[k] * x[(int)indices[k]];
    total += 0.5 * (s - b[i]) * (s - b[i]);
  }
  out[0] = total;
"""
