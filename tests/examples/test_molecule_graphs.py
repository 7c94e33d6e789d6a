import molecule_graphs as mg
import numpy as np


def _molecule():
    rng = np.random.default_rng(0)
    _, ends, degree, _ = mg.join([mg.make_molecule(rng, 9)])
    return ends, degree, rng.normal(size=(9, 1))


def test_molecules_are_molecules():
    rng = np.random.default_rng(1)
    for _ in range(20):
        kinds, bonds = mg.make_molecule(rng, 10)
        count = np.bincount(np.ravel(bonds), minlength=10)
        assert all(1 <= count[k] <= mg.VALENCE[kinds[k]] for k in range(10))
        assert abs(np.sum(mg.charges(kinds, bonds))) < 1e-11  # neutral


def test_charges_of_ethene_and_formaldehyde():
    np.testing.assert_allclose(mg.charges(["C", "C"], [(0, 1)], 0.01), [0.0, 0.0], atol=1e-15)
    # H = [[0, 1], [1, 1]] in units of the bond: the lower orbital has the slope (1 + sqrt 5) / 2
    golden = 0.5 * (1.0 + np.sqrt(5.0))
    on_carbon = 2.0 / (1.0 + golden**2)
    found = mg.charges(["C", "O"], [(0, 1)], 0.01)
    np.testing.assert_allclose(found, [1.0 - on_carbon, on_carbon - 1.0], rtol=1e-12)


def test_gradient_through_layers_is_that_of_random_walks():
    ends, degree, x = _molecule()
    matrix, _ = mg.walk(ends, degree)
    for layers in (1, 5, 400):
        found = mg.influence(x, ends, degree, layers)[:, 0, :, 0]
        np.testing.assert_allclose(found, np.linalg.matrix_power(matrix, layers), atol=1e-14)
    for row in found:
        np.testing.assert_allclose(row, degree / np.sum(degree), rtol=1e-6)


def test_differences_fall_by_the_second_eigenvalue():
    ends, degree, x = _molecule()
    _, second = mg.walk(ends, degree)
    now, after = (mg.roughness(mg.averages(x, ends, degree, n), ends) for n in (60, 61))
    assert abs(after / now - second) < 1e-3


def test_gradient_of_the_loss_is_the_complex_step():
    rng = np.random.default_rng(2)
    graph = mg.join([mg.make_molecule(rng, 7) for _ in range(3)])
    p = [rng.normal(size=s) for s in ((2, 4, 4), (3, 4), (4,))]
    _, found = mg.loss_gradient(*p, *graph)
    features, ends, degree, target = graph
    matrix, _ = mg.walk(ends, degree)
    for k, array in enumerate(p):
        exact = np.empty_like(array)
        for i in range(array.size):
            nudged = [a.astype(complex) for a in p]
            nudged[k].flat[i] += 1e-30j
            h = features @ nudged[1]
            for w in nudged[0]:
                h = np.tanh(matrix @ h @ w)
            exact.flat[i] = np.mean((h @ nudged[2] - target) ** 2).imag / 1e-30
        np.testing.assert_allclose(found[k], exact, rtol=1e-10, atol=1e-13)


def test_deep_networks_learn_less_than_those_of_two_layers():
    rng = np.random.default_rng(0)
    graph = mg.join([mg.make_molecule(rng, 12) for _ in range(40)])
    two, many = (mg.unexplained(mg.train(graph, n, 250, 0.02, rng), graph) for n in (2, 16))
    assert two < 0.7
    assert many > 0.85
