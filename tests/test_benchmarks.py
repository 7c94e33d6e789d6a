"""The benchmarks at tiny sizes: adjoints by hand, srcad and others agree. Times are not asserted."""

import functools
import importlib.util
import json
import subprocess
import sys
import unittest.mock
from pathlib import Path

import numpy as np
import pytest

import srcad
from benchmarks import aliasing, einsum, growth, kernel, lanes, report, rivals, slices, write_sixty
from benchmarks.kernel import KERNELS
from benchmarks.measure import AGREEMENT, difference, gradient_of, in_turns
from tests import oracles

every_kernel = pytest.mark.parametrize("name", KERNELS)


@functools.cache
def plain(name):
    """A kernel whose adjoint by hand is run by Python: to compile all of them takes a minute."""
    path = Path(kernel.__file__).parent / "kernels" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"plain_{name}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with unittest.mock.patch.object(kernel, "jit", lambda f: f):
        spec.loader.exec_module(module)
    return module, module.arguments(0.0)


@every_kernel
def test_adjoints_by_hand_agree_with_srcad(name):
    module, arguments = plain(name)
    ours = gradient_of(module, jit=False)(*arguments.values())
    assert difference(ours, module.adjoint(*arguments.values())) < AGREEMENT


@every_kernel
def test_adjoints_by_hand_agree_with_complex_step(name):
    module, arguments = plain(name)
    if hasattr(module, "srcad_gradient"):
        pytest.skip("not a gradient")
    names = list(arguments)
    expected = tuple(
        oracles.complex_step(module.PRIMAL, tuple(arguments.values()), names.index(k))
        for k in module.WRT
    )
    assert difference(module.adjoint(*arguments.values()), expected) < AGREEMENT


def test_jacobians_by_hand_agree_with_complex_step():
    module, arguments = plain("bundle")
    for k, found in enumerate(module.adjoint(**arguments)):
        given = arguments["parameters"][k].astype(complex), arguments["seen"][k]
        for j in range(15):
            moved = given[0].copy()
            moved[j] += 1e-30j
            column = np.imag(module.residual(moved, given[1])) / 1e-30
            np.testing.assert_allclose(found[:, j], column, rtol=1e-12, atol=1e-13)


@pytest.mark.slow
@every_kernel
@pytest.mark.parametrize("system", rivals.SYSTEMS)
def test_other_systems_agree_with_the_adjoint_by_hand(name, system):
    if (name, system) == ("gmm", "enzyme"):
        pytest.skip("enzyme_ad 0.0.16 crashes at this size")
    module, arguments = plain(name)
    expected = module.adjoint(*arguments.values())
    try:
        forms = rivals.forms(system, module, arguments)
    except rivals.Skipped as reason:
        pytest.skip(str(reason))
    for label, call in forms.items():
        assert difference(call(), expected) < AGREEMENT, label


@pytest.mark.slow
@pytest.mark.parametrize("name", einsum.CASES)
def test_contractions_agree_in_all_forms(name):
    calls = einsum.implementations(name, scale=10)
    assert set(calls) == {"einsum", "plain", "hand"}


def test_functions_of_sixty_statements_are_as_written():
    for name, module, result in write_sixty.FUNCTIONS:
        text = write_sixty.write(name, module, result)
        assert text == (write_sixty.HERE / f"{name}.py").read_text(encoding="utf-8")
        assert sum(line.startswith("    ") for line in text.splitlines()) == write_sixty.STATEMENTS


def test_ratios_are_taken_over_the_best_form():
    row = {"seconds": {"primal": 1.0, "jax: a": 4.0, "jax: b": 2.0, "srcad": 3.0}}
    assert report.ratio(row, "srcad", "jax") == 1.5
    assert report.ratio(row, "srcad", "primal") == 3.0
    assert report.ratio(row, "torch", "srcad") is None


def test_calls_are_timed_in_turns():
    order = []
    in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 0.0, 3)
    assert order == [*"abab", *"aabb" * 3]


def test_a_disagreement_is_seen():
    assert difference(np.array([1.0, 2.0]), np.array([1.0, 2.1])) > AGREEMENT
    assert np.isnan(difference(np.array([np.nan]), np.array([1.0])))


@pytest.mark.slow
def test_the_command_prints_ratios_and_writes_json(tmp_path):
    path = tmp_path / "report.json"
    command = [sys.executable, "-m", "benchmarks", "lotka_volterra", "--quick", "--rivals"]
    done = subprocess.run(
        [*command, "--json", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "srcad / adjoint by hand, geometric mean" in done.stdout
    (row,) = json.loads(path.read_text())["kernels"]
    assert report.ratio(row, "srcad", "hand") > 0.0


@pytest.mark.parametrize("label", aliasing.PAIRS)
def test_aliasing_costs_nothing_at_run_time(label):
    """No references are kept, no tape grows: all is decided when the adjoint is written."""
    import srcad

    given = aliasing.arguments(n=9, steps=4)
    ours, plain = (srcad.grad(f, jit=False) for f in aliasing.PAIRS[label])
    np.testing.assert_allclose(ours(*given), plain(*given), rtol=1e-10)
    assert np.abs(ours(*given)).min() > 0.0
    source = ours.source(*given)
    assert aliasing.machinery(source) == []
    assert "grow(" not in source


def test_machinery_is_seen():
    assert aliasing.machinery("a_kept.append(a)\nb = a_kept.pop()") != []


def test_growth(tmp_path, capsys):
    """The table and the picture of the cost against the number of inputs."""
    rows = growth.measure(sizes=(3, 5), seconds=0.02, rounds=1)
    growth.show(rows)
    assert [row["n"] for row in rows] == [3, 5]
    assert "gradient / f" in capsys.readouterr().out
    growth.draw(rows, tmp_path / "growth.svg")
    assert (tmp_path / "growth.svg").stat().st_size > 1000


@pytest.mark.slow
def test_lanes(capsys):
    """The table of one run for several directions."""
    lanes.show(lanes.measure(directions=(3,), sizes=(4,), small=True, seconds=0.02, rounds=1))
    assert len(capsys.readouterr().out.splitlines()) == 7


@pytest.mark.parametrize("name", slices.PROGRAMS)
def test_programs_in_slices_and_in_loops_are_the_same(name):
    kernel, *styles = slices.PROGRAMS[name]
    given = tuple(kernel.arguments(0.05).values())
    values = [function(*given) for function in styles]
    assert values[0] == pytest.approx(values[1], rel=1e-12)
    found = [srcad.grad(f, wrt=kernel.WRT[0], jit=False)(*given) for f in styles]
    np.testing.assert_allclose(*found, rtol=1e-10, atol=1e-13)


def test_the_table_of_slices():
    row = {"program": "p", "gradient": {"slices": 0.002, "loops": 0.001}}
    row["first"] = {"slices": 3.0, "loops": 2.0}
    assert slices.table([row]).splitlines()[-1] == "| p | 2.00 | 1.00 | 2.00 | 3.0 | 2.0 | 1.50 |"


COUNTED = """
import types
import numpy as np
from benchmarks import memory
from benchmarks.kernel import jit

def two(n):
    a = np.ones(n)
    b = a + 1.0
    return b.sum()

kernel = types.SimpleNamespace(arguments=lambda scale=1.0: {"n": 10 if scale == 0.0 else 12500})
memory.load = lambda name: kernel
memory.own = lambda kernel: {"two": jit(two), "python": two}
print(*(memory.peak("any", which) for which in ("two", "python")))
"""


def test_memory_is_counted_in_bytes():
    """Two arrays of 100 kB, made by compiled code and by NumPy."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True
    )
    for found in map(float, done.stdout.split()):
        assert 0.2 <= found < 0.21
