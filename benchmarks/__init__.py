"""Kernels with the adjoints that experts write for them; see ``measure`` for what a kernel is."""

KERNELS = (
    "lotka_volterra",
    "heat",
    "wave",
    "nbody",
    "pagerank",
    "kepler",
    "hmm",
    "gmm",
    "lstm",
)
