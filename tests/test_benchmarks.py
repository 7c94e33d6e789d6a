"""The benchmarks at tiny sizes: adjoints by hand, srcad and JAX agree. Times are not asserted."""

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import KERNELS, aliasing, einsum, growth, jax_rivals, lanes, write_sixty
from benchmarks.measure import AGREEMENT, Row, Timing, difference, in_turns
from tests import oracles

every_kernel = pytest.mark.parametrize("name", KERNELS)


def load(name):
    kernel = importlib.import_module(f"benchmarks.{name}")
    return kernel, kernel.arguments(**kernel.SMALL)


@every_kernel
def test_adjoints_by_hand_agree_with_srcad(name):
    import srcad

    kernel, arguments = load(name)
    wrt = kernel.WRT if len(kernel.WRT) > 1 else kernel.WRT[0]
    ours = srcad.grad(kernel.PRIMAL, wrt=wrt)(*arguments.values())
    for label, by_hand in kernel.HAND.items():
        assert difference(ours, by_hand(*arguments.values())) < AGREEMENT, label


@every_kernel
def test_adjoints_by_hand_agree_with_complex_step(name):
    kernel, arguments = load(name)
    names = list(arguments)
    for by_hand in kernel.HAND.values():
        found = by_hand(*arguments.values())
        expected = tuple(
            oracles.complex_step(kernel.PRIMAL, tuple(arguments.values()), names.index(k))
            for k in kernel.WRT
        )
        assert difference(found, expected) < AGREEMENT


@pytest.mark.slow
@every_kernel
def test_jax_agrees_with_the_adjoint_by_hand(name):
    pytest.importorskip("jax")
    kernel, arguments = load(name)
    if not hasattr(kernel, "jax_primal"):
        pytest.skip("no form for JAX")
    expected = next(iter(kernel.HAND.values()))(*arguments.values())
    for label, call in jax_rivals.gradients(kernel, arguments):
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
    times = {"primal": 1.0, "hand: a": 4.0, "hand: b": 2.0, "srcad": 3.0}
    row = Row("k", tuple(Timing(name, t, 0.0, 0.0) for name, t in times.items()))
    assert (row.ratio("hand"), row.ratio("primal"), row.ratio("jax")) == (
        1.5,
        3.0,
        None,
    )


def test_calls_are_timed_in_turns():
    order = []
    in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 0.0, 3)
    assert order == ["a", "a", "b", "b", *"ababab"]


def test_a_disagreement_is_seen():
    assert difference(np.array([1.0, 2.0]), np.array([1.0, 2.1])) > AGREEMENT
    assert np.isnan(difference(np.array([np.nan]), np.array([1.0])))


@pytest.mark.slow
def test_the_command_prints_ratios_and_writes_json(tmp_path):
    report = tmp_path / "report.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--only",
        "lotka_volterra",
        "--seconds",
        "0.1",
    ]
    command += ["--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "x by hand" in done.stdout
    (row,) = json.loads(report.read_text())["kernels"]
    assert row["srcad_over"]["hand"] > 0.0


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
