"""Snapshots on disk: files that one call of a derivative writes and reads, and then removes.

A loop ``for t in srcad.checkpoint(range(n), snapshots=k, disk="/scratch")`` writes the state of
every so many iterations into a directory of its own, ``/scratch/srcad-<hash>-0``, and reads it on
the way back. Generated code calls the five functions of ``calls_for``::

    disk = open_disk(0, 0, 0)                           # which loop of the call it is
    start = resume_steps(disk, 0, 1, u_snapshots, ...)  # 0, or where a killed call had been
    write_disk(disk, t, 1, u_snapshots, ...)            # slot 0 of the snapshots in memory
    read_disk(disk, t, 1, u_snapshots, ...)
    last = resume_adjoints(disk, n - 1, 0)              # n - 1, or where it had been
    read_adjoints(disk, last, 0, u_b, ...)
    write_adjoints(disk, last, 0, u_b, ...)

No file is ever half-written: it is made under another name, on space that is reserved first, and
renamed. What is there is said in a journal, one line for each file with its checksum, written after
the file. The name of the directory is a hash of the program and its arguments, so that the same
call made again after a kill finds it, and goes on; a lock tells a killed call from a running one.
The variables that are no part of the state, but matter after the loop, are written with each
snapshot, and the shadows on the way back whenever one is read.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from srcad.errors import SnapshotError
from srcad.position import Position

Arrays = list[np.ndarray]

try:
    import fcntl
except ImportError:  # Windows: two calls in one directory are not told apart
    fcntl = None

_JOURNAL, _LOCK = "journal", "lock"
_NO_RESERVATION = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS)
"""What file systems say that cannot reserve space."""


class DiskCall:
    """One of the functions of ``calls_for``, as generated code calls it.

    Its arguments are two integers, the number of arrays of which it is slot 0 that matters, and
    arrays; it gives an integer.
    """

    def __init__(
        self,
        title: str,
        function: Callable[[int, int, Arrays, Arrays], int],
        at: Position | None = None,
    ) -> None:
        self.title = title
        self.function = function
        self.at = at
        """The mark of the loop, where the call is for one loop."""

    def __call__(self, disk: int, step: int, slots: int, *arrays: np.ndarray) -> int:
        """Write or read; arrays are read into their memory."""
        state = [a[:1] for a in arrays[:slots]]
        return self.function(disk, step, state, list(arrays[slots:]))

    def compiled(self) -> Callable[..., Any]:
        """The same for Numba's compiled code."""
        from numba import objmode  # noqa: PLC0415 (this module is imported with srcad)
        from numba.extending import overload  # noqa: PLC0415

        call = self

        def disk_call(disk: int, step: int, slots: int, *arrays: Any) -> Any:
            raise NotImplementedError

        @overload(disk_call)
        def _(disk: int, step: int, slots: int, *arrays: Any) -> Any:  # pyright: ignore[reportUnusedFunction]
            def implementation(disk: int, step: int, slots: int, *arrays: Any) -> Any:
                with objmode(found="int64"):
                    found = call(disk, step, slots, *arrays)
                return found

            return implementation

        return disk_call


def calls_for(directory: str, at: Position) -> tuple[DiskCall, ...]:
    """The functions for a loop, in the order in which the text above shows them.

    ``at`` is the place of the mark, for errors.
    """
    return (_opening(directory, at), *_OTHERS)


@cache
def _opening(directory: str, at: Position) -> DiskCall:
    return DiskCall("open_disk", lambda *_: _run().open(directory, at), at)


def _on_disk(title: str, method: Callable[..., int]) -> DiskCall:
    return DiskCall(title, lambda disk, step, *arrays: method(_run().disks[disk], step, *arrays))


# ---------------------------------------------------------------- one call of a derivative


class _Run:
    """The disks of one call of a derivative, in the order in which it opens them."""

    def __init__(self, program: str, leaves: Sequence[Any]) -> None:
        self.program = sha256(program.encode()).hexdigest()
        self.leaves = leaves
        self.disks: list[Disk] = []

    def open(self, directory: str, at: Position) -> int:
        """A disk more."""
        number = len(self.disks)
        identity = {"program": self.program, "arguments": _hash_of(self.leaves), "loop": number}
        self.disks.append(Disk(Path(directory), identity, at))
        self.disks[number].begin()
        return number

    def close(self) -> None:
        """Remove everything."""
        for disk in reversed(self.disks):
            disk.remove()


_thread = threading.local()


def _run() -> _Run:
    runs = getattr(_thread, "runs", None)
    if not runs:
        raise SnapshotError(
            "a derivative with snapshots on disk is called from compiled code",
            hint="call it from Python",
        )
    return runs[-1]


@contextlib.contextmanager
def disk_run(program: str, leaves: Sequence[Any]) -> Iterator[None]:
    """One call of a derivative: its snapshots are removed when it ends, however it ends."""
    runs: list[_Run] = _thread.__dict__.setdefault("runs", [])
    run = _Run(program, leaves)
    runs.append(run)
    try:
        yield
    finally:
        runs.pop()
        run.close()


def _hash_of(leaves: Sequence[Any]) -> str:
    made = sha256()
    for leaf in leaves:
        array = np.asarray(leaf)
        made.update(f"{array.dtype.str} {array.shape};".encode())
        made.update(np.ascontiguousarray(array).tobytes())
    return made.hexdigest()


# ---------------------------------------------------------------- one loop


class Disk:
    """The directory of one loop, locked as long as the call runs."""

    def __init__(self, root: Path, identity: dict[str, Any], at: Position) -> None:
        self.at = at
        self.identity = identity
        self.made = [p for p in (root, *root.parents) if not p.exists()]
        """Directories made for it, the innermost first."""
        name = sha256(json.dumps(identity).encode()).hexdigest()[:16]
        self.folder = root / f"srcad-{name}-{identity['loop']}"
        self.steps: dict[int, tuple[int, int | None]] = {}
        """The snapshots that are on disk, and their checksums: of the state, and of the rest."""
        self.reversed: tuple[int, int] | None = None
        """Before which iteration was reversed the shadows were written, and their checksum."""
        self.size = 0
        """Bytes of the file that is being written."""
        self.lock: int | None = None
        """The descriptor of the lock, once the directory is this call's own."""

    def begin(self) -> None:
        """Make the directory, or take up what a killed call left in it."""
        with self._explained():
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._refuse_another(self.folder.parent)
            self.lock = self._locked()
            self._take_up()

    # ------------------------------------------------------------ what generated code calls

    def resume_steps(self, _step: int, state: Arrays, outside: Arrays) -> int:
        """The iteration to begin with; the arrays are what a killed call had written before it."""
        if not self.steps:
            return 0
        last = max(self.steps)
        with self._explained():
            self._load(f"state-{last}", state, self.steps[last][0])
            if outside:
                self._load(f"outside-{last}", outside, self.steps[last][1])
        return last

    def write(self, step: int, state: Arrays, outside: Arrays) -> int:
        """The snapshot before an iteration, and what else matters after the loop."""
        if step in self.steps:
            return 0
        before = max(self.steps, default=None)
        with self._explained():
            check = self._save(f"state-{step}", state)
            checks = check, self._save(f"outside-{step}", outside) if outside else None
            self._note("state", step, *checks)
            if before is not None:
                (self.folder / f"outside-{before}").unlink(missing_ok=True)
        self.steps[step] = checks
        return 0

    def read(self, step: int, state: Arrays, _outside: Arrays) -> int:
        """The snapshot before an iteration, into the arrays."""
        with self._explained():
            self._load(f"state-{step}", state, self.steps[step][0])
        return 0

    def resume_adjoints(self, last: int, _state: Arrays, _shadows: Arrays) -> int:
        """The iteration to be reversed first: ``last`` if none was."""
        return last if self.reversed is None else self.reversed[0]

    def read_adjoints(self, last: int, _state: Arrays, shadows: Arrays) -> int:
        """The shadows before that iteration is reversed, into the arrays."""
        assert self.reversed is not None
        with self._explained():
            self._load(f"adjoints-{last}", shadows, self.reversed[1])
        return 0

    def write_adjoints(self, last: int, _state: Arrays, shadows: Arrays) -> int:
        """The shadows before iteration ``last`` is reversed."""
        before = self.reversed
        if before is not None and before[0] == last:
            return 0
        with self._explained():
            self.reversed = last, self._save(f"adjoints-{last}", shadows)
            self._note("adjoints", *self.reversed)
            if before is not None:
                (self.folder / f"adjoints-{before[0]}").unlink(missing_ok=True)
        return 0

    def remove(self) -> None:
        """Remove the directory, and those that were made for it if nothing else is in them."""
        if self.lock is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self.lock)
        with contextlib.suppress(OSError):
            for made in self.made:
                made.rmdir()

    # ------------------------------------------------------------ files

    def _save(self, name: str, arrays: Arrays) -> int:
        """Write arrays to a file, which is there when it is whole; gives the checksum."""
        parts = [np.ascontiguousarray(a).reshape(-1).view(np.uint8) for a in arrays]
        pending, check = self.folder / f"{name}.part", 0
        self.size = sum(part.size for part in parts)
        with open(pending, "wb", buffering=0) as file:
            _reserve(file.fileno(), self.size)
            for part in parts:
                check = zlib.crc32(part.data, check)
                rest = part.data
                while rest:
                    rest = rest[file.write(rest) :]
        pending.replace(self.folder / name)
        return check

    def _load(self, name: str, arrays: Arrays, check: int | None) -> None:
        """Read a file into arrays; its checksum must be the one that was noted."""
        found = 0
        with open(self.folder / name, "rb", buffering=0) as file:
            for array in arrays:
                is_whole = array.flags.c_contiguous
                part = array if is_whole else np.empty(array.shape, array.dtype)
                rest = part.reshape(-1).view(np.uint8).data
                while rest and (count := file.readinto(rest)):
                    rest = rest[count:]
                found = zlib.crc32(part.reshape(-1).view(np.uint8).data, found)
                if not is_whole:
                    array[...] = part
        if found != check:
            raise SnapshotError(f"{self.folder / name} is damaged", self.at)

    def _note(self, what: str, step: int, *checks: int | None) -> None:
        """A line more in the journal."""
        _append(self.folder / _JOURNAL, json.dumps([what, step, *checks]))

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of the system, told with what was to be written."""
        try:
            yield
        except SnapshotError:
            raise
        except OSError as error:
            hint = "give the loop a directory on a larger disk, or fewer disk_snapshots"
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise SnapshotError(f"snapshots cannot be kept on disk: {error}", self.at) from None
            raise SnapshotError(
                f"{self.folder.parent} has no room for another snapshot of {self.size:,} bytes, "
                f"after {len(self.steps)}: {error.strerror}",
                self.at,
                hint,
            ) from None

    # ------------------------------------------------------------ a call that was killed

    def _refuse_another(self, root: Path) -> None:
        """What another call left there when it was killed is not gone on with, nor removed."""
        for journal in root.glob(f"srcad-*/{_JOURNAL}"):
            if journal.parent == self.folder:
                continue
            known = _lines(journal)
            if not known or not isinstance(known[0], dict) or _is_locked(journal.parent):
                continue
            same = known[0].get("program") == self.identity["program"]
            if same and known[0].get("arguments") == self.identity["arguments"]:
                continue  # another loop of this call
            what = "with other arguments" if same else "of another program"
            raise SnapshotError(
                f"{journal.parent} holds snapshots of a call {what} that was killed",
                self.at,
                "make that call again to go on with it, or remove the directory",
            )

    def _locked(self) -> int:
        """The directory made and locked: the descriptor of the lock."""
        while True:
            self.folder.mkdir(exist_ok=True)
            lock = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
            if fcntl is None:
                return lock
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise SnapshotError(
                    f"the same call, with the same arguments, keeps its snapshots in {self.folder} "
                    "at this time",
                    self.at,
                    "wait for it, or give each of them a directory of its own",
                ) from None
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), os.stat(self.folder / _LOCK)):
                    return lock
            os.close(lock)  # the other call has just ended, and removed it

    def _take_up(self) -> None:
        """What a killed call left here, if it is whole; everything else is removed."""
        lines = _lines(self.folder / _JOURNAL)
        if lines and lines[0] == self.identity:
            for what, step, *checks in lines[1:]:
                if what == "state":
                    self.steps[step] = checks[0], checks[1]
                else:
                    self.reversed = step, checks[0]
        noted = {f"state-{step}": checks[0] for step, checks in self.steps.items()}
        if self.steps and (check := self.steps[last := max(self.steps)][1]) is not None:
            noted[f"outside-{last}"] = check
        if self.reversed is not None:
            noted[f"adjoints-{self.reversed[0]}"] = self.reversed[1]
        if not all(self._is_whole(name, check) for name, check in noted.items()):
            self.steps, self.reversed, noted = {}, None, {}
        for file in self.folder.iterdir():
            if file.name not in {_JOURNAL, _LOCK, *noted}:
                file.unlink()
        if not noted:
            (self.folder / _JOURNAL).unlink(missing_ok=True)
            _append(self.folder / _JOURNAL, json.dumps(self.identity))

    def _is_whole(self, name: str, check: int) -> bool:
        """Whether a file is there, with the content that was noted."""
        try:
            with open(self.folder / name, "rb") as file:
                found = 0
                while part := file.read(1 << 20):
                    found = zlib.crc32(part, found)
        except FileNotFoundError:
            return False
        return found == check


def _reserve(file: int, size: int) -> None:
    """Take space for a file before it is written, so that a full disk is noticed at once."""
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file, 0, size)
        except OSError as error:
            if error.errno not in _NO_RESERVATION:
                raise


def _append(path: Path, line: str) -> None:
    """A line more in a file, in one piece and on the disk."""
    with open(path, "ab", buffering=0) as file:
        file.write(f"{line}\n".encode())


def _lines(path: Path) -> list[Any]:
    """The whole lines of a journal; none if there is no journal."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    out: list[Any] = []
    for line in text.splitlines(keepends=True):
        with contextlib.suppress(ValueError):
            if line.endswith("\n"):
                out.append(json.loads(line))
    return out


def _is_locked(folder: Path) -> bool:
    """Whether a call that uses the directory is running."""
    if fcntl is None:
        return False
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


_OTHERS = (
    _on_disk("resume_steps", Disk.resume_steps),
    _on_disk("write_disk", Disk.write),
    _on_disk("read_disk", Disk.read),
    _on_disk("resume_adjoints", Disk.resume_adjoints),
    _on_disk("read_adjoints", Disk.read_adjoints),
    _on_disk("write_adjoints", Disk.write_adjoints),
)
