"""Snapshots on disk: the same gradients, continued after a kill, nothing left behind."""

import math
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import srcad
from srcad import disk
from srcad.backend.pool import latest_need
from srcad.errors import ArgumentError, SnapshotError, UnsupportedError
from srcad.ir.build import ZERO, compare
from srcad.ir.nodes import Bind, If
from srcad.transform.reverse.disk import turns_of

HERE = "/nowhere"
"""Stands for the directory in the programs below."""


def wave(c, u0, n, snapshots, most):
    u, v = u0.copy(), u0 * c
    loss = 0.0
    for _ in srcad.checkpoint(range(n), snapshots=snapshots, disk=HERE, disk_snapshots=most):
        for i in range(1, u.size - 1):
            v[i] = 2.0 * u[i] - v[i] + c[i] * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u, v = v, u
        loss += u[u.size // 2] ** 2
    return loss + u[1] * v[2]


def three_in_turn(c, u0, n, snapshots, most):
    u, v, w = u0.copy(), u0 * c, np.ones(u0.size)
    for t in srcad.checkpoint(range(n), snapshots=snapshots, disk=HERE, disk_snapshots=most):
        for i in range(1, u.size):
            w[i] = np.sin(u[i] * c[i] + v[i - 1]) + 0.1 * w[i] * t
        u, v, w = v, w, u
    return np.sum(u * u) + v[2] * w[3]


def bound_anew(c, u0, n, snapshots, most):
    u, v = u0, 0.5 * u0
    for _ in srcad.checkpoint(range(n), snapshots=snapshots, disk=HERE, disk_snapshots=most):
        u, v = u + c * np.sin(v), u
    return np.sum(u * v)


def recorded(c, u0, n, snapshots, most):
    """``record`` and ``largest`` are no part of the state, and matter after the loop."""
    u = u0 * u0
    record = np.zeros(n)
    largest = -1.0
    for t in srcad.checkpoint(range(n), snapshots=snapshots, disk=HERE, disk_snapshots=most):
        for i in range(1, u.size):
            u[i] = u[i] * c[i] + u[i - 1] * u[i]
        record[t] = u[-1] ** 2
        if t == 3:
            largest = u[2] * 3.0
    return np.sum(record * record) + largest * largest * u[2]


def one_number(c, u0, n, snapshots, most):
    x = u0[1]
    for t in srcad.checkpoint(
        range(2 * n, 0, -2), snapshots=snapshots, disk=HERE, disk_snapshots=most
    ):
        x = math.sin(c[2] * x) + 0.01 * t * x
    return x * x


def after_another(c, u0, n, snapshots, most):
    """Two loops, and loops inside of one of them that have snapshots of their own."""
    u, s = u0.copy(), 1.0
    for _ in srcad.checkpoint(range(n), snapshots=snapshots, disk=HERE, disk_snapshots=most):
        for _ in srcad.checkpoint(range(3), snapshots=2):
            for i in range(1, u.size):
                u[i] = np.sin(u[i] * c[i] + u[i - 1])
        s = s * 1.1 + u[2] * u[3]
    for t in srcad.checkpoint(range(n), snapshots=snapshots, disk=HERE, disk_snapshots=most):
        u = u * (1.0 - 0.3 * c * np.cos(u * s)) + 0.01 * t
    return np.sum(u * u) * s


SAME = [wave, three_in_turn, bound_anew, recorded, one_number, after_another]


def at(function, directory, mark: str | None = None):
    """The program with its snapshots in a directory; or with other marks in place of the disk."""
    import inspect
    import linecache

    text = textwrap.dedent(inspect.getsource(function))
    if mark is None:
        text = text.replace("HERE", repr(str(directory)))
    else:
        text = text.replace(", disk=HERE, disk_snapshots=most", mark)
    file = f"<{function.__name__} {directory} {mark}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space = dict(globals())
    exec(compile(text, file, "exec"), space)
    return space[function.__name__]


def arguments():
    return np.linspace(0.1, 0.3, 7), np.sin(np.arange(7.0))


def is_empty(directory) -> bool:
    return not Path(directory).exists() or not list(Path(directory).iterdir())


# ---------------------------------------------------------------- the same gradient


@pytest.mark.parametrize("function", SAME, ids=lambda f: f.__name__)
def test_gradients_are_those_of_snapshots_in_memory(function, tmp_path):
    derivative = srcad.grad(at(function, tmp_path), wrt=(0, 1), jit=False)
    in_memory = srcad.grad(at(function, tmp_path, ""), wrt=(0, 1), jit=False)
    for n in (0, 1, 2, 7, 12, 13):
        expected = in_memory(*arguments(), n, 1000, 1)
        for snapshots, most in ((1, 1), (1, 5), (2, 3), (3, 100), (20, 1)):
            found = derivative(*arguments(), n, snapshots, most)
            for one, two in zip(found, expected, strict=True):
                assert np.array_equal(one, two), (n, snapshots, most)
            assert is_empty(tmp_path)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("function", [wave, recorded, after_another], ids=lambda f: f.__name__)
def test_compiled_gradients_are_the_same(function, tmp_path):
    directory = tmp_path / "made" / "for it"
    derivative = srcad.grad(at(function, directory), wrt=(0, 1))
    in_memory = srcad.grad(at(function, tmp_path, ""), wrt=(0, 1))
    found = derivative(*arguments(), 13, 2, 3)
    for one, two in zip(found, in_memory(*arguments(), 13, 1000, 1), strict=True):
        assert np.array_equal(one, two)
    assert is_empty(tmp_path)


@pytest.mark.parametrize("function", [wave, recorded], ids=lambda f: f.__name__)
def test_gradients_are_right(function, tmp_path):
    args = (*arguments(), 6, 1, 3)
    derivative = srcad.grad(at(function, tmp_path), wrt=(0, 1), jit=False)(*args)
    step, plain = 1e-20, at(function, tmp_path)
    rng = np.random.default_rng(3)
    for k, found in enumerate(derivative):
        direction = rng.normal(size=7)
        moved = [
            a + 1j * step * (direction if j == k else 0.0 * direction)
            for j, a in enumerate(args[:2])
        ]
        along = complex_of(plain, moved, args[2:]).imag / step
        assert found @ direction == pytest.approx(along, rel=1e-12)


def complex_of(function, moved, rest):
    """The function at complex arguments, in Python: its work arrays become complex."""
    space = function.__globals__
    zeros = np.zeros
    numpy = type("numpy", (), {**vars(np), "zeros": lambda n: zeros(n, complex)})
    space["np"] = numpy
    try:
        return function(*moved, *rest)
    finally:
        space["np"] = np


def test_memory_holds_few_snapshots(tmp_path):
    """64 cells, 1000 iterations: 11 states of two arrays and two numbers each."""
    c, u0 = np.full(64, 0.2), np.sin(np.arange(64.0))
    srcad.grad(at(wave, tmp_path), jit=False)(c, u0, 1000, 10, 7)
    assert latest_need() <= 11 * (2 * 64 + 2) * 8 + 64 * 8 + 8 * 64


def test_forward_mode_and_plain_calls_write_nothing(tmp_path):
    function = at(wave, tmp_path / "x")
    c, u0 = arguments()
    function(c, u0, 5, 2, 3)
    srcad.jvp(function, (c, u0, 5, 2, 3), (c, u0, None, None, None), jit=False)
    assert not (tmp_path / "x").exists()


# ---------------------------------------------------------------- continued after a kill


def killed_at(point: int, gradient) -> bool:
    """A process of its own that kills itself at some point of its writing; whether it did."""
    child = os.fork()
    if child == 0:
        left = [point]

        def passed() -> bool:
            left[0] -= 1
            return left[0] < 0

        save, append = disk.Disk._save, disk._append

        def save_or_die(self, name, arrays):
            if passed():
                (self.folder / f"{name}.part").write_bytes(b"half")
                os.kill(os.getpid(), signal.SIGKILL)
            found = save(self, name, arrays)
            if passed():
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        def append_or_die(path, line):
            if passed():
                with open(path, "ab") as file:
                    file.write(line.encode()[: len(line) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            append(path, line)

        disk.Disk._save, disk._append = save_or_die, append_or_die
        gradient()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def continued(name: str, directory: str) -> None:
    """Kill and go on at every point, in a process that has no threads; exits with an error."""
    function = {f.__name__: f for f in SAME}[name]
    derivative = srcad.grad(at(function, directory), wrt=(0, 1), jit=False)
    args = (*arguments(), 19, 2, 4)
    whole = derivative(*args)
    forward, reverse = set(), set()
    calls = [c for c in disk._OTHERS if c.title in ("resume_steps", "resume_adjoints")]
    for call, seen in zip(calls, (forward, reverse), strict=True):

        def noting(*args, function=call.function, seen=seen):
            found = function(*args)
            seen.add(found)
            return found

        call.function = noting
    point = 0
    while killed_at(point, lambda: derivative(*args)):
        assert not is_empty(directory)
        if point % 3 == 1:
            killed_at(2, lambda: derivative(*args))
        found = derivative(*args)
        assert all(np.array_equal(a, b) for a, b in zip(found, whole, strict=True)), point
        assert is_empty(directory), point
        point += 1
    assert point > 15
    assert len(forward) > 2, forward
    assert len(reverse) > 2, reverse


@pytest.mark.sampled(2)
@pytest.mark.parametrize("function", SAME, ids=lambda f: f.__name__)
def test_a_killed_call_goes_on(function, tmp_path):
    """Killed before, after and in the middle of each file and each line of the journal."""
    code = f"from tests.test_disk import continued; continued({function.__name__!r}, {str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


KILLED = """
import os, signal, sys
from srcad import disk
from tests.test_disk import arguments, at, wave
import srcad

method = getattr(disk.Disk, "_note")
left = [int(sys.argv[2])]

def note(self, what, *rest):
    method(self, what, *rest)
    if what == sys.argv[1]:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

disk.Disk._note = note
srcad.grad(at(wave, sys.argv[3]), wrt=(0, 1))(*arguments(), 30, 2, 6)
"""


@pytest.mark.sampled(2)
@pytest.mark.parametrize("where", [("state", 3), ("adjoints", 2)], ids=["forward", "reverse"])
def test_a_killed_process_of_compiled_code_is_continued_by_another(where, tmp_path):
    what, count = where
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, what, str(count), str(tmp_path)],
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert ended.returncode == -signal.SIGKILL
    assert not is_empty(tmp_path)
    found = srcad.grad(at(wave, tmp_path), wrt=(0, 1))(*arguments(), 30, 2, 6)
    whole = srcad.grad(at(wave, tmp_path), wrt=(0, 1))(*arguments(), 30, 2, 6)
    assert all(np.array_equal(a, b) for a, b in zip(found, whole, strict=True))
    assert is_empty(tmp_path)


def left_behind(directory) -> None:
    """What a call leaves that is killed on the way back."""
    child = os.fork()
    if child == 0:
        disk.Disk.read = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        disk._OTHERS[2].function = disk.Disk.read
        srcad.grad(at(wave, directory), jit=False)(*arguments(), 30, 2, 6)
    os.waitpid(child, 0)


def in_another_process(code: str, *args: object) -> subprocess.CompletedProcess:
    head = "from tests.test_disk import *\nfrom tests.test_disk import left_behind\n"
    return subprocess.run(
        [sys.executable, "-c", head + code, *map(str, args)],
        check=True,
        cwd=Path(__file__).parents[1],
    )


def test_what_another_call_left_is_neither_used_nor_removed(tmp_path):
    in_another_process("left_behind(sys.argv[1])", tmp_path)
    c, u0 = arguments()
    derivative = srcad.grad(at(wave, tmp_path), jit=False)
    with pytest.raises(SnapshotError, match="with other arguments that was killed"):
        derivative(c, 2.0 * u0, 30, 2, 6)
    with pytest.raises(SnapshotError, match=r"of another program that was killed(.|\n)*Instead"):
        srcad.grad(at(recorded, tmp_path), jit=False)(c, u0, 30, 2, 6)
    assert not is_empty(tmp_path)
    derivative(c, u0, 30, 2, 6)
    assert is_empty(tmp_path)
    derivative(c, 2.0 * u0, 30, 2, 6)


def test_what_is_damaged_is_not_used(tmp_path):
    """One byte of the first state is another one: everything is computed anew."""
    in_another_process("left_behind(sys.argv[1])", tmp_path)
    (state,) = tmp_path.glob("srcad-*/state-0")
    content = bytearray(state.read_bytes())
    content[9] ^= 1
    state.write_bytes(content)
    args = (*arguments(), 30, 2, 6)
    found = srcad.grad(at(wave, tmp_path), jit=False)(*args)
    assert np.array_equal(found, srcad.grad(at(wave, tmp_path, ""), jit=False)(*args))
    assert is_empty(tmp_path)


def test_the_same_call_twice_at_a_time(tmp_path, monkeypatch):
    args = (*arguments(), 30, 2, 6)
    derivative = srcad.grad(at(wave, tmp_path), jit=False)
    errors = []

    def read(*_):
        try:
            derivative(*args)
        except SnapshotError as error:
            errors.append(str(error))
        raise KeyboardInterrupt

    monkeypatch.setattr(disk._OTHERS[2], "function", read)
    with pytest.raises(KeyboardInterrupt):
        derivative(*args)
    assert "the same call, with the same arguments" in errors[0]
    assert is_empty(tmp_path)


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("method", [1, 2, 5])
def test_an_interrupted_call_leaves_nothing(method, jit, tmp_path, monkeypatch):
    args = (*arguments(), 30, 2, 6)
    derivative = srcad.grad(at(wave, tmp_path), jit=jit)
    call, left = disk._OTHERS[method], [2]
    function = call.function

    def interrupted(*given):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return function(*given)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(call, "function", interrupted)
        derivative(*args)
        if method == 1:  # write_disk is called six times, the others fewer
            raise AssertionError
    assert is_empty(tmp_path)
    derivative(*args)


def raises_at(x, n, last):
    for t in srcad.checkpoint(range(n), snapshots=2, disk=HERE):
        x[t % 3] = np.sin(x[(t + 1) % 3]) * x[t % 3]
        if t == last:
            raise ArithmeticError("too far")
    return np.sum(x)


@pytest.mark.parametrize("jit", [False, True])
def test_an_exception_of_the_program_leaves_nothing(jit, tmp_path):
    derivative = srcad.grad(at(raises_at, tmp_path), jit=jit)
    with pytest.raises(ArithmeticError):
        derivative(np.ones(3), 20, 13)
    assert is_empty(tmp_path)
    derivative(np.ones(3), 20, 20)
    assert is_empty(tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("no file system can be mounted")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("jit", [False, True])
def test_a_full_disk_is_said_and_nothing_is_left(small_disk, jit):
    """A state takes 16 kB."""
    c, u0 = np.full(1000, 0.2), np.sin(np.arange(1000.0))
    derivative = srcad.grad(at(wave, small_disk / "x"), jit=jit)
    with pytest.raises(SnapshotError, match=r"no room for another snapshot of 16,00\d bytes") as e:
        derivative(c, u0, 40, 2, 20)
    assert "fewer disk_snapshots" in str(e.value)
    assert is_empty(small_disk)
    in_memory = srcad.grad(at(wave, small_disk, ""), jit=jit)
    assert np.array_equal(derivative(c, u0, 40, 20, 2), in_memory(c, u0, 40, 40, 1))
    assert is_empty(small_disk)


def test_files_may_be_limited_too(tmp_path):
    """As a quota would: no file may be longer than 4 kB."""
    c, u0 = np.full(1000, 0.2), np.sin(np.arange(1000.0))
    derivative = srcad.grad(at(wave, tmp_path), jit=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(SnapshotError, match="no room for another snapshot"):
            derivative(c, u0, 40, 2, 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert is_empty(tmp_path)


def test_a_directory_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match="cannot be kept on disk"):
        srcad.grad(at(wave, tmp_path / "file"), jit=False)(*arguments(), 30, 2, 6)


# ---------------------------------------------------------------- what is refused


def unknown_length(u, n):
    x = u[0]
    while srcad.checkpoint(x < n, snapshots=2, disk=HERE):
        x = x * 1.5 + u[1]
    return x


def left_by_break(u, n):
    x = u[0]
    for t in srcad.checkpoint(range(n), snapshots=2, disk=HERE):
        x = x * 1.5 + u[1] * t
        if x > 10.0:
            break
    return x


def within_a_loop(u, n):
    x = u[0]
    for _ in srcad.checkpoint(range(n), snapshots=2):
        for _ in srcad.checkpoint(range(n), snapshots=2, disk=HERE):
            x = x * np.sin(x) + u[1]
    return x


def with_a_schedule(u, n):
    for _ in srcad.checkpoint(range(n), snapshots=2, disk=HERE, schedule="periodic"):
        u = np.sin(u)
    return np.sum(u)


REFUSED = [
    (unknown_length, UnsupportedError, "whose length nobody knows"),
    (left_by_break, UnsupportedError, "whose length nobody knows"),
    (within_a_loop, UnsupportedError, "inside of another loop"),
    (with_a_schedule, ArgumentError, "no choice of a schedule"),
]


@pytest.mark.parametrize(
    ("function", "error", "text"), REFUSED, ids=lambda x: getattr(x, "__name__", "")
)
def test_what_is_refused(function, error, text, tmp_path):
    with pytest.raises(error, match=text):
        srcad.grad(at(function, tmp_path), jit=False)(np.ones(3), 5)


def test_swaps_come_round():
    swap, turn = Bind(("u", "v"), ("v", "u")), Bind(("u", "v", "w"), ("v", "w", "u"))
    assert turns_of((swap,), ("u", "v")) == 2
    assert turns_of((turn,), ("u", "v", "w")) == 3
    assert turns_of((turn, swap), ("u", "v", "w")) == 2
    assert turns_of((), ()) == 1
    test = compare("==", ZERO, ZERO)
    assert turns_of((If(test, (swap,)),), ("u", "v")) is None


def test_second_derivatives_are_refused(tmp_path):
    args = (*arguments(), 5, 2, 3)
    with pytest.raises(UnsupportedError, match="on disk"):
        srcad.hvp(at(wave, tmp_path), args, (np.ones(7),), wrt=(0,))


def draws(u, n):
    u = u * np.random.normal()
    for _ in srcad.checkpoint(range(n), snapshots=2, disk=HERE):
        u = np.sin(u)
    return np.sum(u)


def test_random_numbers_are_refused(tmp_path):
    """They would be others in the call that goes on."""
    with pytest.raises(UnsupportedError, match="random"):
        srcad.grad(at(draws, tmp_path), jit=False)(np.ones(3), 5)
