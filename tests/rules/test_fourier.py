"""``np.fft`` and ``scipy.fft``: values NumPy's, derivatives against central differences."""

import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import srcad
from tests.rules.test_linalg import check

RNG = np.random.default_rng(5)
EVEN, ODD = RNG.standard_normal(6), RNG.standard_normal(7)
PLANE, BLOCK = RNG.standard_normal((3, 4)), RNG.standard_normal((2, 3, 4))
WAVE = EVEN + 1j * EVEN[::-1]

CASES = [
    ("np.fft.fft(a)", EVEN, ODD, PLANE, BLOCK, WAVE),
    ("np.fft.fft(a, axis=0)", PLANE, BLOCK),
    ("np.fft.fft(a, n=3)", PLANE),
    ("np.fft.fft(a, 7, norm='ortho')", PLANE),
    ("np.fft.ifft(a)", EVEN, WAVE),
    ("np.fft.ifft(a, axis=1, norm='forward')", BLOCK),
    ("np.fft.rfft(a)", EVEN, ODD, PLANE),
    ("np.fft.rfft(a, 5)", EVEN),
    ("np.fft.rfft(a, axis=0, norm='ortho')", PLANE),
    ("np.fft.irfft(a)", EVEN, WAVE),
    ("np.fft.irfft(a, 7)", EVEN, WAVE),
    ("np.fft.irfft(a * (1 + 2j), axis=1)", BLOCK),
    ("np.fft.hfft(a * (1 + 1j)) + np.fft.hfft(a, norm='ortho')", EVEN),
    ("np.fft.ihfft(a) + np.fft.ihfft(a, norm='forward')", EVEN),
    ("np.fft.fft2(a)", PLANE, BLOCK),
    ("np.fft.ifft2(a)", PLANE),
    ("np.fft.fftn(a) + np.fft.ifftn(a, norm='ortho')", BLOCK),
    ("np.fft.fftn(a, s=(2, 6), axes=(0, 1))", PLANE),
    ("np.fft.irfft2(np.fft.rfft2(a) * (1 + 2j))", PLANE),
    ("np.fft.rfftn(a)", BLOCK),
    ("np.fft.irfftn(a * (1 + 1j), axes=(0, 2))", BLOCK),
    ("np.fft.fftshift(a) + np.fft.ifftshift(a, axes=0)", PLANE),
    ("np.fft.fftshift(a, axes=(0,)) * np.fft.fftfreq(a.size, 0.1)", EVEN, ODD),
    ("np.fft.rfftfreq(a.size) * a[:4]", EVEN),
    ("scipy.fft.irfft(scipy.fft.fft(a)[:4] * (1 + 1j))", EVEN),
]
ROWS = [(text, a) for text, *arguments in CASES for a in arguments]

ROW = """
def row_{k}(a):
    z = ({text}).ravel()
    return np.sum(W[: z.size] * np.real(z)) + np.sum(W[1 : z.size + 1] * np.imag(z) ** 2)
"""


@pytest.fixture(scope="module")
def module():
    folder = Path(tempfile.mkdtemp(prefix="srcad_fourier_"))
    path = folder / f"fourier_{folder.name[-8:]}.py"
    head = "import numpy as np\nimport scipy.fft\nfrom tests.rules.test_linalg import W\n"
    path.write_text(head + "".join(ROW.format(k=k, text=t) for k, (t, _) in enumerate(ROWS)))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = found
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("k", range(len(ROWS)), ids=[text for text, _ in ROWS])
def test_row(module, k):
    check(getattr(module, f"row_{k}"), ROWS[k][1], jit=False)


@pytest.mark.slow
@pytest.mark.parametrize("k", range(len(ROWS)), ids=[text for text, _ in ROWS])
def test_row_compiled(module, k):
    pytest.importorskip("rocket_fft")
    check(getattr(module, f"row_{k}"), ROWS[k][1], jit=True)


def power(x, h):
    y = np.fft.irfft(np.fft.rfft(x) * h, x.size)
    z = np.fft.fft(y)
    return np.sum(np.abs(z) ** 4) + np.sum(np.abs(np.fft.fft2(np.outer(x, x))) ** 2)


def test_compiled():
    pytest.importorskip("rocket_fft")
    srcad.check_grads(power, (EVEN, np.linspace(1.0, 0.2, 4)))


def test_the_package_is_named_if_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "rocket_fft", None)

    def f(x):
        return np.sum(np.abs(np.fft.fft(x * 1.5)) ** 2)

    with pytest.raises(srcad.CompilationError, match=r"srcad\[fft\]"):
        srcad.grad(f)(EVEN)
    assert srcad.grad(f, jit=False)(EVEN).shape == EVEN.shape


def test_a_norm_that_does_not_exist():
    def f(x):
        return np.sum(np.abs(np.fft.fft(x, norm="none")))

    with pytest.raises(ValueError, match="Invalid norm"):
        srcad.grad(f, jit=False)(EVEN)
