"""The demo, as a user runs it: the fit lands where published fits do, and the picture is saved."""

import contextlib
import io
import re

import numpy as np
import pytest

from srcad import demo

pytest.importorskip("scipy")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What the demo prints, and the folder that it saved its picture in."""
    folder = tmp_path_factory.mktemp("demo")
    with contextlib.redirect_stdout(io.StringIO()) as text:
        assert demo.main(["--output", str(folder / "fit.png")]) == 0
    return text.getvalue(), folder


def test_the_fit_lands_near_published_fits(printed):
    text, _ = printed
    for name, published in demo.PUBLISHED.items():
        (found,) = re.findall(rf"^{name} +([0-9.]+)", text, re.MULTILINE)
        assert float(found) == pytest.approx(published, rel=0.05), name


def test_the_picture_is_saved_and_named(printed):
    text, folder = printed
    assert (folder / "fit.png").read_bytes().startswith(b"\x89PNG")
    assert "fit.png" in text


def test_primal_and_adjoint_are_shown(printed):
    text, _ = printed
    assert "def misfit(log_p, hare, lynx, substeps):" in text
    assert "# reverse sweep" in text


def test_the_gradient_is_exact(printed):
    text, _ = printed
    (error,) = re.findall(r"worst relative error +(\S+), against complex step", text)
    assert float(error) < 1e-10


def test_the_record_is_complete():
    record = demo.load_record()
    np.testing.assert_array_equal(record.year, np.arange(1900.0, 1921.0))
    assert (record.hare[0], record.lynx[-1]) == (30.0, 8.6)
    assert record.hare.size == record.lynx.size == 21
