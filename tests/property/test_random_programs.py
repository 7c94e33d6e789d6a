"""Random programs: the gradient of every one is that of complex step, or it is refused by name.

Seeds are fixed, so that a failure repeats; ``python -m tests.property.generator --seed S --count 1``
shows one again, and larger hunts are run with the same command.
"""

from collections import Counter

import pytest

from srcad import pipeline
from tests.property import checkpoints, generator, judging

CHUNK = 10
EVERY = 25
"""One program of so many is compiled; the others run as the Python that srcad wrote."""


def run(first: int, count: int, compiled_every: int) -> None:
    counts, reports = generator.hunt(
        range(first, first + count), lambda seed: seed % compiled_every == 0
    )
    bad = [text for kind, text in reports if kind != "refused"]
    assert not bad, f"{counts}\n\n" + ("\n" + "-" * 80 + "\n").join(bad)
    refused = [text for kind, text in reports if kind == "refused"]
    assert len(refused) <= max(2, 0.03 * count), f"{counts}\n\n" + "\n".join(refused)
    assert counts["invalid"] <= max(2, 0.1 * count), counts


@pytest.mark.sampled(3)
@pytest.mark.parametrize("first", range(1, 121, CHUNK))
def test_random_programs(first: int):
    run(first, CHUNK, EVERY)


SAMPLE = {"fields": (1, 12, 14, 16, 20), "rows": (3, 15, 27)}
REACHED = {
    "fields": {"exchange", "next_slot", "resident", "rows", "segments"},
    "rows": {"abreast", "cleave"},
}
"""Passes that change what the programs of the sample are compiled to."""


@pytest.mark.parametrize("mode", ["reverse", "eager", "parallel"])
@pytest.mark.parametrize("kind", SAMPLE)
def test_programs_of_a_kind(kind: str, mode: str, monkeypatch: pytest.MonkeyPatch):
    """Small programs reach passes that are made for large ones, and stay right."""
    reached: set[str] = set()

    def watch(name: str) -> None:
        whole = getattr(pipeline, name)

        def watched(before, *args):
            after = whole(before, *args)
            if (after[0] if name == "resident" else after) != before:
                reached.add(name)
            return after

        monkeypatch.setattr(pipeline, name, watched)

    for name in REACHED[kind]:
        watch(name)
    counts, reports = generator.hunt(SAMPLE[kind], lambda _: False, kind=kind, mode=mode)
    assert counts["right"] == len(SAMPLE[kind]), f"{counts}\n\n" + "\n".join(t for _, t in reports)
    if mode == "eager":
        assert reached == REACHED[kind]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(100, 500, 20))
@pytest.mark.parametrize("mode", ["eager", "grad", "parallel", "vjp"])
@pytest.mark.parametrize("kind", SAMPLE)
def test_many_programs_of_a_kind(kind: str, mode: str, first: int):
    counts, reports = generator.hunt(
        range(first, first + 20), lambda seed: seed % 50 == 0, kind=kind, mode=mode
    )
    assert not counts["wrong"] + counts["crashed"], "\n".join(t for _, t in reports)


@pytest.mark.slow
@pytest.mark.parametrize("first", [121, *range(10_000, 15_000, 100)])
def test_many_random_programs(first: int):
    run(first, 100, 50)


def test_programs_are_valid_and_repeat():
    """The generator is deterministic, and nearly all its programs run in plain Python."""
    valid = 0
    for seed in range(300):
        kind = generator.kind_of(seed)
        text = generator.source(generator.make(seed), kind)
        assert text == generator.source(generator.make(seed), kind)
        how = generator.How(seed, kind, generator.mode_of(seed, kind))
        f, _ = judging.load(how.case(generator.make(seed)).by_hand)
        try:
            f(*generator.arguments(seed, kind))
            valid += 1
        except (OverflowError, FloatingPointError, ValueError):
            pass
    assert valid >= 290


@pytest.mark.parametrize("seed", [300, 303, 305, 307, 308, 309])
def test_a_random_program_with_snapshots(seed: int):
    counts = checkpoints.judge(seed, False)
    assert not counts["WRONG"]
    assert counts["marked: with snapshots"] or seed not in (300, 307, 308)


@pytest.mark.slow
@pytest.mark.parametrize("first", [300, *range(20_000, 20_500, 50)])
def test_random_programs_with_snapshots(first: int):
    counts = sum((checkpoints.judge(seed, False) for seed in range(first, first + 10)), Counter())
    assert not counts["WRONG"]
    assert counts["marked: with snapshots"] > 3
