"""Loops divided among threads: which are, that no two threads meet, and that the sums are right.

Races are looked for where they can be seen for certain: the generated module runs as plain Python
on arrays that note which bytes are touched, and two iterations of a ``prange`` must not touch what
one of them writes.
"""

import importlib
import math
from typing import ClassVar

import numpy as np
import pytest

from srcad import grad, value_and_grad
from srcad.analysis import work
from srcad.binding import Signature
from srcad.config import Options
from srcad.specialise import Variants, types_of

KERNELS = ("heat", "heat3d", "wave2d", "fdtd")


class Noted(np.ndarray):
    """An array that notes the addresses of the elements that are read and written."""

    reads: ClassVar[set[int | None]] = set()
    writes: ClassVar[set[int | None]] = set()

    def _address(self, key):
        keys = key if isinstance(key, tuple) else (key,)
        if len(keys) < self.ndim or any(isinstance(k, slice) for k in keys):
            return None
        places = [int(k) % n for k, n in zip(keys, self.shape, strict=True)]
        steps = zip(places, self.strides, strict=True)
        return self.__array_interface__["data"][0] + sum(k * s for k, s in steps)

    def __getitem__(self, key):
        Noted.reads.add(self._address(key))
        return super().__getitem__(key)

    def __setitem__(self, key, value):
        Noted.writes.add(self._address(key))
        super().__setitem__(key, value)


class _NumPy:
    """NumPy, of which the arrays are noted. They are kept: memory used again would be the same."""

    def __init__(self, threads):
        self.kept = []
        self.threads = threads

    def __getattr__(self, name):
        return getattr(np, name)

    def _noted(self, array):
        if self.threads.inside:  # a worker's own
            return array
        self.kept.append(array.view(Noted))
        return self.kept[-1]

    def zeros(self, *args):
        return self._noted(np.zeros(*args))

    def empty(self, *args):
        made = np.empty(*args)
        if made.dtype.kind in "fc":
            made.fill(np.nan)  # nothing may hang on it
        return self._noted(made)

    def zeros_like(self, array):
        return self._noted(np.zeros_like(array))

    def tape(self, pool, size, dtype):
        return self.empty(size, dtype)


class Threads:
    """Workers: what each part touches is held against all other parts of its phase.

    The first worker runs all parts, in an order that the compiler did not think of. The second is
    as late as can be, and must go through the same phases all the same.
    """

    def __init__(self):
        self.loops = self.meetings = 0
        self.part = None
        self.inside = False

    def prange(self, _count):
        self.written_by_all, self.read_by_each, self.phases = set(), set(), []
        for worker in range(2):
            self.late, self.passed = worker == 1, 0
            self._start(None)
            self.inside = True
            yield worker
            self.inside = False
            self._stop()
        assert self.passed == len(self.phases)
        self.meetings += len(self.written_by_all & self.read_by_each)

    def new_worker(self, worker, workers):
        assert workers == 3 and worker < 2
        self.waiting, self.done = None, []

    def _start(self, part):
        self.part, Noted.reads, Noted.writes = part, set(), set()

    def _stop(self):
        """The end of a part, or of what every worker does for itself."""
        if self.part is None:
            assert not Noted.writes
            self.read_by_each |= Noted.reads
        else:
            self.done.append((Noted.reads, Noted.writes))
            self.written_by_all |= Noted.writes

    def next_part(self, crew, own, parts):
        self._stop()
        if self.waiting is None:
            self.waiting = [] if self.late else [k * 7 % parts for k in range(parts)]
            if sorted(self.waiting) != list(range(parts)):
                self.waiting = [] if self.late else list(reversed(range(parts)))
        if not self.waiting:
            self._start(None)
            return -1
        self._start(self.waiting.pop(0))
        return self.part

    def end_phase(self, crew, own, parts):
        assert not self.waiting
        self.waiting = None
        if self.part is not None:  # one worker alone does not ask again
            self._stop()
            self._start(None)
        if self.late:
            assert self.phases[self.passed] == parts
            self.passed += 1
            return
        self.phases.append(parts)
        self.loops += parts > 1
        for k, (reads, writes) in enumerate(self.done):
            for other, (read, written) in enumerate(self.done):
                self.meetings += len(writes & written) + len(writes & read) if k != other else 0
        self.done = []


def run(text, args, length=None):
    """The result of a module's last function, and what its threads met.

    ``length``: of the segments in which a time loop is reversed.
    """
    threads = Threads()
    space = {}
    exec(text, space)
    space |= {"np": (numpy := _NumPy(threads)), "get_num_threads": lambda: 3}
    shared = ("prange", "new_worker", "next_part", "end_phase")
    space |= {name: getattr(threads, name) for name in shared}
    if length is not None and "segment_length" in space:
        space["segment_length"] = lambda trips, step, state: max(1, min(trips, length))
    if "tape" in space:
        space["tape"] = numpy.tape
    entry = space[text[text.rindex("\ndef ") + 5 :].split("(")[0]]
    given = [a.view(Noted) if isinstance(a, np.ndarray) else a for a in args]
    memory = np.empty(0, np.uint8), np.zeros(4, np.int64)
    pool = [memory] if entry.__code__.co_varnames[entry.__code__.co_argcount - 1] == "pool" else []
    return entry(*given, *pool), threads


def forget_programs():
    """Programs that were written with other sizes of parts."""
    kernels = (importlib.import_module(f"benchmarks.kernels.{name}").PRIMAL for name in KERNELS)
    for f in (*kernels, *(entry[0] for entry in PROGRAMS.values())):
        vars(f).pop("__srcad_variants__", None)


@pytest.fixture
def eager(monkeypatch):
    """Loops are divided however little there is to do."""
    forget_programs()
    monkeypatch.setattr(work, "_GRAIN", 1)
    monkeypatch.setattr(work, "_ENOUGH", 1)
    monkeypatch.setattr(work, "_LONG", 2)
    monkeypatch.setattr(work, "_PARTS", 5)
    yield
    forget_programs()


def text_of(f, *args, wrt=0, **options):
    return grad(f, wrt=wrt, parallel=True, **options).source(*args)


def divided(text):
    return text.count("in prange(")


def close(found, expected):
    found, expected = (r if isinstance(r, tuple) else (r,) for r in (found, expected))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-12, atol=1e-14)


X = np.linspace(0.1, 0.9, 23)
U = np.random.default_rng(3).random((17, 9))


def pointwise(x):
    y = np.empty_like(x)
    for i in range(len(x)):
        s = 0.0
        for k in range(4):
            s = math.sin(s + x[i] * k)
        y[i] = s
    return np.sum(y)


def stencil(u, k):
    v = np.zeros_like(u)
    for i in range(2, u.shape[0] - 2):
        for j in range(1, u.shape[1] - 1):
            v[i, j] = k * (u[i - 2, j] * u[i + 1, j] + math.sin(u[i, j - 1] - u[i, j + 1]))
    s = 0.0
    for i in range(u.shape[0]):
        for j in range(u.shape[1]):
            s += v[i, j] * v[i, j] * k
    return s


def newton(x):
    y = np.empty_like(x)
    for i in range(len(x)):
        r = 1.0
        while abs(r * r - x[i]) > 1e-12:
            r = 0.5 * (r + x[i] / r)
        y[i] = r
    return np.sum(y * y * y)


def kept_copies(u, steps):
    """What a step makes is a row of a tape, of which the threads fill rows."""
    p = u.copy()
    first = p
    s = 0.0
    for t in range(steps):
        old = p.copy()
        p = p.copy()
        s += np.sum((p * p - old) ** 2) * (1 + t)
    return s * s + np.sum(first * first)


def shifted(u):
    """Each row is written from the row before it: a recurrence."""
    for i in range(1, u.shape[0]):
        for j in range(u.shape[1]):
            u[i, j] = math.sin(u[i, j] * u[i - 1, j])
    return np.sum(u)


def wrapped(u):
    """Rows at the ends are neighbours: an offset that is not the same for all."""
    v = np.zeros_like(u)
    n = u.shape[0]
    for i in range(n):
        for j in range(u.shape[1]):
            v[i, j] = u[(i + 1) % n, j] * u[i - 1, j]
    return np.sum(v * v)


def gathered(u, at):
    """Rows named by an array: two iterations may add to the same one."""
    s = 0.0
    for i in range(len(at)):
        for j in range(u.shape[1]):
            s += u[at[i], j] * u[at[i], j]
    return s


def looked_up(u, at, k):
    """An index that only the iteration knows, and that may be out of range."""
    v = np.zeros_like(u)
    for i in range(u.shape[0]):
        for j in range(u.shape[1]):
            v[i, j] = u[i, j] * u[i, j] * k[at[i]]
    return np.sum(v)


def counted(x):
    """A sum of integers, and one of floats, that the part returns."""
    n = 0
    s = 0.0
    for i in range(len(x)):
        for k in range(3):
            if x[i] * k > 0.5:
                n += 1
            s += x[i] * x[i] * k
    return s * n


def to_one_row(u):
    """All rows add to the same elements."""
    v = np.zeros(u.shape[1])
    for i in range(u.shape[0]):
        for j in range(u.shape[1]):
            v[j] += u[i, j] * u[i, j]
    return np.sum(v * v)


def read_by_the_neighbour(u):
    """Reads are free, but their adjoint writes: rows i and i + 3 of ``u``, and ``w`` for all."""
    w = np.linspace(0.0, 1.0, u.shape[1])
    w = w * u[0, 0]
    v = np.zeros_like(u)
    for i in range(u.shape[0] - 3):
        for j in range(u.shape[1]):
            v[i, j] = u[i + 3, j] * u[i, j] * w[j]
    return np.sum(v * v)


def scratch(u):
    """A row that all iterations fill: one memory in the program, one for each part in threads."""
    row = np.zeros(u.shape[1])
    s = 0.0
    for i in range(u.shape[0]):
        for j in range(u.shape[1]):
            row[j] = math.sin(u[i, j])
        for j in range(1, u.shape[1]):
            s += row[j] * row[j - 1]
    return s


def half_filled_scratch(u):
    """A row of which an iteration sees what an earlier one has left."""
    row = np.zeros(u.shape[1])
    s = 0.0
    for i in range(u.shape[0]):
        for j in range(i % u.shape[1]):
            row[j] = math.sin(u[i, j])
        for j in range(1, u.shape[1]):
            s += row[j] * row[j - 1]
    return s


def swapped(u, steps):
    v = u.copy()
    for _ in range(steps):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                v[i, j] = u[i - 1, j] * u[i, j] + math.sin(u[i + 1, j - 1])
        u, v = v, u
    return np.sum(u)


def pumped(u, pulse, k):
    """A time loop of several loops, an element that one writes, and sums that end with it."""
    v = np.zeros_like(u)
    for t in range(len(pulse)):
        k = k * 0.9 + pulse[t] * pulse[t]
        for i in range(1, u.shape[0] - 1):
            for j in range(u.shape[1]):
                v[i, j] = k * (u[i - 1, j] + u[i + 1, j]) * u[i, j]
        u[3, 2] += pulse[t]
        for i in range(u.shape[0]):
            for j in range(1, u.shape[1]):
                u[i, j] = u[i, j] + 0.1 * math.sin(v[i, j] - v[i, j - 1])
    return np.sum(u)


def steered(u, steps):
    """The next step needs a sum over the field: threads must have ended by then."""
    rate = 0.1
    for _ in range(steps):
        for i in range(u.shape[0]):
            for j in range(u.shape[1]):
                u[i, j] = u[i, j] + rate * math.cos(u[i, j])
        total = 0.0
        for i in range(u.shape[0]):
            for j in range(u.shape[1]):
                total += u[i, j] * u[i, j]
        rate = 1.0 / (1.0 + total)
    return np.sum(u * u)


def watched(u, steps):
    """The next step needs an element that threads have written."""
    rate = 0.1
    for _ in range(steps):
        for i in range(u.shape[0]):
            for j in range(u.shape[1]):
                u[i, j] = u[i, j] + rate * math.cos(u[i, j])
        rate = 0.1 * u[2, 3]
    return np.sum(u * u)


def until_late(u, end):
    """A while loop over time, of two buffers."""
    v = u.copy()
    t, dt = 0.0, 0.3
    while t < end:
        for i in range(1, u.shape[0] - 1):
            for j in range(u.shape[1]):
                v[i, j] = u[i, j] + dt * u[i - 1, j] * u[i + 1, j]
        u, v = v, u
        t += dt
        dt = dt * 0.9
    return np.sum(u * u) * t


def shrinking_scratch(u):
    """A row of which each step fills less: the rest is what the last iteration before has left."""
    row = np.zeros(u.shape[1])
    s = 0.0
    for t in range(4):
        for i in range(u.shape[0]):
            for j in range(u.shape[1] - 2 * t):
                row[j] = math.sin(u[i, j] * (t + 1.0))
            for j in range(1, u.shape[1]):
                s += row[j] * row[j - 1] * u[i, j]
    return s


def waves(u, w, row, pulse):
    """Three buffers with borders that are not zero, a source in a row or on the border, receivers."""
    n, m = u.shape
    before, now, after = u.copy(), w * 0.5, w.copy()
    misfit = 0.0
    for t in range(len(pulse)):
        for i in range(2, n - 1):
            for j in range(1, m - 1):
                after[i, j] = now[i - 1, j] * now[i + 1, j] + now[i, j - 1] - 0.3 * before[i, j]
        after[row, 3] += pulse[t]
        for j in range(m):
            misfit += (after[1, j] * after[2, j] - pulse[t]) ** 2
        before, now, after = now, after, before
    return misfit + np.sum(now)


def staggered(u, k, steps):
    """Loops over rows that are not quite the same, each of which needs rows of the one before."""
    n, m = u.shape
    e, g, h = np.zeros((n, m)), u.copy(), u * 0.5
    for _ in range(steps):
        for i in range(2, n):
            for j in range(m):
                e[i, j] -= k[i, j] * (h[i, j] - h[i - 2, j])
        for i in range(n):
            for j in range(1, m):
                g[i, j] = 0.9 * g[i, j] + h[i, j] * h[i, j - 1]
        for j in range(m):
            e[0, j] = 0.1 * g[1, j]
        for i in range(1, n - 2):
            for j in range(m):
                h[i, j] -= 0.7 * (e[i + 2, j] * g[i + 1, j] - e[i - 1, j])
        h[-2, 2] = h[0, 1] * h[3, 1]
    return np.sum(h * g)


def framed(u, steps):
    """A square field, of which one loop sets rows and columns of the border."""
    n = u.shape[0]
    v = u.copy()
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                v[i, j] = u[i, j] * u[i - 1, j] + 0.1 * u[i + 1, j - 1]
        for i in range(1, n - 1):
            v[i, 0] = v[i, 1] * v[i, 1]
            v[i, n - 1] = v[i, n - 2]
            v[0, i] = 0.5 * v[1, i]
            v[n - 1, i] = v[n - 2, i] * v[0, i]
        u, v = v, u
    return np.sum(u * u)


def probed(u, a, b, steps):
    """Rows that only the caller knows: they may be the same."""
    s = 0.0
    for _ in range(steps):
        for i in range(u.shape[0]):
            for j in range(u.shape[1]):
                u[i, j] = math.sin(u[i, j])
        u[a, 1] += 0.5
        u[b, 1] *= u[b, 2]
        s += u[a, 1]
    return s + np.sum(u)


AT = np.array([3, 0, 3, 2, 0, 16, 3, 1, 2])
PULSE = np.linspace(-0.3, 0.4, 11)


def seen_through_views(u, steps):
    """A view is bound and stored to in a region that does not name its array."""
    n, m = u.shape
    w = np.zeros((2, 50))
    for i in range(50):
        w[0, i] = math.cos(u[0, 0] + i)
        w[1, i] = math.cos(u[0, 1] + i)
    z = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            z[i, j] = math.sin(u[i, j]) + w[0, 1]
    a = w[0]
    b = w[1]
    for t in range(steps):
        b[2] = 1.0 + 0.1 * t
        for i in range(n):
            for j in range(m):
                z[i, j] = 0.5 * z[i, j] + u[i, j]
        a, b = b, a
    s = 0.0
    for i in range(n):
        for j in range(m):
            s += w[0, 2] * z[i, j] + z[i, j] * w[1, 2]
    return s


PROGRAMS = {
    "pointwise": (pointwise, (X,), 0, True),
    "stencil": (stencil, (U, 0.7), (0, 1), True),
    "newton": (newton, (X,), 0, True),
    "kept_copies": (kept_copies, (U, 3), 0, None),
    "shifted": (shifted, (U,), 0, None),
    "wrapped": (wrapped, (U,), 0, None),
    "gathered": (gathered, (U, AT), 0, False),
    "looked_up": (looked_up, (U, np.arange(17) % 3, X), (0, 2), None),
    "counted": (counted, (X,), 0, True),
    "to_one_row": (to_one_row, (U,), 0, None),
    "read_by_the_neighbour": (read_by_the_neighbour, (U,), 0, None),
    "scratch": (scratch, (U,), 0, None),
    "half_filled_scratch": (half_filled_scratch, (U,), 0, False),
    "swapped": (swapped, (U, 3), 0, None),
    "pumped": (pumped, (U, np.array([0.3, 0.1, 0.2]), 0.7), (0, 1, 2), True),
    "steered": (steered, (U, 3), 0, True),
    "watched": (watched, (U, 3), 0, True),
    "until_late": (until_late, (U, 1.0), 0, True),
    "shrinking_scratch": (shrinking_scratch, (U,), 0, None),
    "waves": (waves, (U, U[::-1].copy(), 4, PULSE), (0, 1, 3), True),
    "waves, row from the end": (waves, (U, U[::-1].copy(), -5, PULSE), (0, 1, 3), True),
    "waves, first row": (waves, (U, U[::-1].copy(), 0, PULSE), (0, 1, 3), True),
    "waves, last row": (waves, (U, U[::-1].copy(), 16, PULSE), (0, 1, 3), True),
    "waves, no rows": (waves, (U[:3], U[:3] * 2.0, 1, PULSE), (0, 1, 3), True),
    "staggered": (staggered, (U, U[::-1].copy(), 3), (0, 1), True),
    "framed": (framed, (np.outer(X, X[::-1])[:13, :13].copy(), 3), 0, True),
    "probed": (probed, (U, 3, -9, 3), 0, None),
    "probed, the same row": (probed, (U, 3, 3, 3), 0, None),
    "seen_through_views": (seen_through_views, (U, 3), 0, True),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("parts", [1, 2, 5, 32])
def test_no_two_threads_meet(name, parts, eager, monkeypatch):
    monkeypatch.setattr(work, "_PARTS", parts)
    f, args, wrt, expected = PROGRAMS[name]
    text = text_of(f, *args, wrt=wrt)
    found, threads = run(text, [np.copy(a) if isinstance(a, np.ndarray) else a for a in args], 8)
    assert threads.meetings == 0
    if expected is not None:
        assert (divided(text) > 0) == expected
    close(found, grad(f, wrt=wrt, jit=False)(*args))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("parts", [2, 5, 32])
@pytest.mark.parametrize("length", [8, None])
def test_kernels_run_in_threads(name, parts, length, eager, monkeypatch):
    monkeypatch.setattr(work, "_PARTS", parts)
    kernel = importlib.import_module(f"benchmarks.kernels.{name}")
    args = kernel.arguments(0.1)
    text = grad(kernel.PRIMAL, wrt=kernel.WRT, parallel=True).source(**args)
    found, threads = run(text, list(args.values()), length)
    assert threads.loops > 2 and threads.meetings == 0
    close(found, grad(kernel.PRIMAL, wrt=kernel.WRT, jit=False)(**args))


def test_the_detector_sees_a_race():
    text = """
import numpy as np

def worker(number, workers, crew, x):
    own = new_worker(number, workers)
    k = next_part(crew, own, 4)
    while k >= 0:
        x[k + 1] += x[k]
        k = next_part(crew, own, 4)
    end_phase(crew, own, 4)

def entry(x):
    workers = get_num_threads()
    for number in prange(workers):
        worker(number, workers, None, x)
    return x
"""
    assert run(text, (np.ones(5),))[1].meetings > 0


def workers_of(text):
    """The bodies of the functions that threads run."""
    return [f for f in text.split("\ndef ")[1:] if "_worker" in f.split("(")[0]]


def test_time_loops_run_in_one_region(eager):
    """Also what one thread alone writes, and the names that are exchanged."""
    forward = workers_of(text_of(pumped, U, np.zeros(3), 0.7))[0]
    assert "for t in range(" in forward and "u[3, 2] += pulse[t]" in forward
    swap = workers_of(text_of(swapped, U, 3))
    assert any("u_1, v = v, u_1" in f or "u, v = v, u" in f for f in swap)


@pytest.mark.parametrize("program", [steered, watched])
def test_what_a_step_asks_for_ends_the_region(eager, program):
    """A worker that is late would read what is there a step later."""
    text = text_of(program, U, 3)
    assert not any(line.startswith("    for ") for f in workers_of(text) for line in f.split("\n"))
    assert divided(text) > 0


def test_loops_apart_share_a_phase(eager):
    kernel = importlib.import_module("benchmarks.kernels.fdtd")
    text = grad(kernel.PRIMAL, parallel=True).source(**kernel.arguments(0.1))
    forward = next(f for f in workers_of(text) if "pulse" in f)
    step = forward[forward.index("    for t in range(") :]
    assert step.count("end_phase(") == 2  # ex, ey, the border of hz and row 0 of ey; then hz
    columns = step[: step.index("ey[0, j]")].count("_part_")  # each part those of its own rows
    assert columns == 1


def kernel_worker(name, mark):
    """What threads do of a kernel, where it says ``mark``."""
    kernel = importlib.import_module(f"benchmarks.kernels.{name}")
    text = grad(kernel.PRIMAL, wrt=kernel.WRT, parallel=True).source(**kernel.arguments(0.1))
    return next(f for f in workers_of(text) if mark in f)


def test_a_step_is_one_phase_with_its_source_and_its_border(eager):
    """Also where the step runs once more, in the reverse sweep."""
    forward = kernel_worker("wave2d", "before, now, after = now, after, before")
    step = forward[forward.index("after = now_tape[slot]") :]  # beyond the start of a segment
    assert "source[t]" in step and step.count("end_phase(") == 1
    reverse = kernel_worker("wave2d", "misfit_b")
    step = reverse[reverse.index("for t_1 in range(") : reverse.index("# before, now, after")]
    assert "source[t_1]" in step and step.count("end_phase(") == 1
    assert reverse[reverse.index("# before, now, after") :].count("end_phase(") == 2


def test_loops_that_need_neighbours_share_two_turns(eager):
    assert kernel_worker("fdtd", "ey_b[0, j] = 0.0").count("end_phase(") == 2


def test_statements_go_to_the_part_that_has_their_row(eager):
    """Wherever that is: two rows that may be the same are in one part if they are."""
    forward = workers_of(text_of(probed, U, 3, -9, 3))[0]
    assert forward.count("end_phase(") == 1
    assert "a % u.shape[0] >= part * count // parts" in forward
    assert "b % u.shape[0] >= part * count // parts" in forward


def test_what_needs_several_rows_waits(eager):
    forward = next(f for f in workers_of(text_of(staggered, U, U, 3)) if "h[0, 1]" in f)
    assert "next_part(crew, own, 1)" in forward[: forward.index("h[0, 1]")]
    reverse = next(f for f in workers_of(text_of(framed, U[:9], 3)) if "seed_3" in f)
    assert "next_part(crew, own, 1)" in reverse[: reverse.index("seed_3")]


def test_tails_come_after_all_else(eager):
    text = text_of(stencil, U, 0.7, wrt=(0, 1))
    assert "if part + 1 == parts else (part + 1) * count // parts - 1\n" in text
    assert "first = (part + 1) * count // parts - 1\n" in text  # rows i - 2 to i + 1
    assert "power_of_two(min(5, count // 6, " in text  # a part is twice as long


def test_sums_are_of_parts(eager):
    text = text_of(stencil, U, 0.7, wrt=(0, 1))
    assert "k_b_parts = np.zeros(5)" in text
    assert "k_b_parts[part] += k_b_part" in text


def test_scratch_is_made_by_the_worker(eager):
    text = text_of(scratch, U)
    worker = text[text.index("def scratch_grad_worker") : text.index("def scratch_grad_crew(")]
    assert "row = np.empty(" in worker


def test_checks_stay_out_of_threads(eager):
    text = text_of(looked_up, U, np.arange(17), X)
    for function in text.split("\ndef ")[1:]:
        assert "_part" not in function.split("(")[0] or "raise" not in function


def test_short_loops_stay(eager):
    def f(x):
        s = 0.0
        for i in range(3):
            for j in range(3):
                s += x[i] * x[j]
        return s

    assert divided(text_of(f, X)) == 0


def test_without_the_option_nothing_is_divided():
    assert divided(grad(stencil).source(U, 0.7)) == 0
    assert divided(grad(stencil, parallel=True, jit=False).source(U, 0.7)) == 0


def test_patterns_stay_in_one_thread(eager):
    """Sets of inputs are numbered in one table, which all iterations write."""

    def field(u):
        v = np.zeros_like(u)
        for i in range(u.shape[0]):
            for j in range(1, u.shape[1]):
                v[i, j] = u[i, j] * u[i, j - 1]
        return v

    signature = Signature(field)
    for kind in ("primal", "pattern"):
        variants = Variants(signature, kind, Options(parallel=True))
        wrt = ("u",) if kind == "pattern" else ()
        text = variants.find(types_of(("u",), (U,)), wrt).program.text
        assert (divided(text) > 0) == (kind == "primal")


def test_the_value_and_its_gradient(eager):
    text = value_and_grad(stencil, parallel=True).source(U, 0.7)
    found, threads = run(text, (U, 0.7))
    assert threads.meetings == 0 and threads.loops > 2
    close(found, value_and_grad(stencil, jit=False)(U, 0.7))
