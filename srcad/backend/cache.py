"""Compiled code on disk: a directory that only this user can write, one entry for each program.

An entry is a directory named by a hash of everything that its contents depend on. It is written
under another name and renamed when it is complete, so that it is there as a whole or not at all.
Compiled code is unpickled, and what is unpickled can run: so every file of an entry is read once,
must belong to this user, and must agree with the hash in the entry's manifest. An entry that does
not is removed, and its program is compiled again. ::

    ~/.cache/srcad/                         $SRCAD_CACHE_DIR, or the platform's directory for caches
        0f3a...                             32 digits of the key
            _srcad_0f3a....py               the generated module, for tracebacks and readers
            code.bin                        Numba's serialised machine code
            manifest.json                   the key, and a hash of every file
        writing-1b2c...                     an entry that is being written
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from srcad.errors import CacheError

_MANIFEST = "manifest.json"
_WRITING = "writing-"
_DIGITS = 32
_STALE = 24 * 3600.0
"""Seconds after which a directory that is being written belongs to a process that died."""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_HINT = (
    "set SRCAD_CACHE_DIR to a directory that only you can write (mode 700), "
    "or pass cache=False to compile in memory"
)


class CacheInfo(NamedTuple):
    """What is on disk."""

    directory: Path | None
    """None where there is no place for it, such as a home directory that cannot be written."""
    entries: int
    bytes: int


def cache_info() -> CacheInfo:
    """The directory for compiled code, how many programs are in it and how many bytes they take.

    Raises
    ------
    CacheError
        The directory belongs to someone else, or others can write it.
    """
    root = cache_directory()
    entries = [path for path in _contents(root) if not path.name.startswith(_WRITING)]
    size = 0
    for entry in entries:
        with contextlib.suppress(OSError):
            size += sum(file.lstat().st_size for file in entry.iterdir())
    return CacheInfo(root, len(entries), size)


def clear_cache() -> int:
    """Remove all compiled code from disk; returns how many programs there were.

    Programs that are loaded go on working. Raises ``CacheError`` as ``cache_info`` does.
    """
    count = 0
    for path in list(_contents(cache_directory())):
        count += not path.name.startswith(_WRITING)
        _remove(path)
    return count


def key_of(*parts: object) -> str:
    """The key of a program: a hash of the text of everything that it depends on."""
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()


def entry_path(root: Path, key: str) -> Path:
    """Where the entry of a key is, or will be."""
    return root / key[:_DIGITS]


def cache_directory() -> Path | None:
    """The directory for compiled code, made if need be; None if there is no place for it.

    Raises ``CacheError`` if it is not safe to use, or if ``SRCAD_CACHE_DIR`` names a directory
    that cannot be made.
    """
    named = os.environ.get("SRCAD_CACHE_DIR")
    path = Path(named) if named else _default_directory()
    if path is None:
        return None
    path = path.absolute()
    try:
        path.mkdir(0o700, parents=True, exist_ok=True)
        _require_private(path)
    except CacheError:
        raise
    except OSError as error:
        if not named:
            return None
        what = f"the directory for compiled code {path} cannot be used: {error.strerror or error}"
        raise CacheError(what, hint=_HINT) from error
    return path


def read_entry(root: Path, key: str, names: Iterable[str]) -> dict[str, bytes] | None:
    """The files of an entry, verified; None if there is none. A broken entry is removed."""
    entry = entry_path(root, key)
    try:
        found = entry.lstat()
    except OSError:
        return None
    try:
        if _is_private(found, stat.S_ISDIR):
            files = {name: _read(entry / name) for name in names}
            if _read(entry / _MANIFEST) == _manifest(key, files):
                return files
    except OSError:
        pass
    remove_entry(root, key)
    return None


def write_entry(root: Path, key: str, files: Mapping[str, bytes]) -> None:
    """Write an entry if there is none; without a word where the disk is full or read-only."""
    with contextlib.suppress(OSError):
        _remove_stale(root)
        writing = Path(tempfile.mkdtemp(prefix=_WRITING, dir=root))
        try:
            for name, content in files.items():
                _write(writing / name, content)
            _write(writing / _MANIFEST, _manifest(key, files))
            writing.rename(entry_path(root, key))  # fails if another process was faster
        except OSError:
            _remove(writing)
            raise


def remove_entry(root: Path, key: str) -> None:
    """Remove an entry; without a word if that fails."""
    entry = entry_path(root, key)
    with contextlib.suppress(OSError):
        if entry.is_symlink() or not entry.is_dir():
            entry.unlink()
            return
        removed = root / f"{_WRITING}{key[:8]}-{os.getpid()}-{time.monotonic_ns()}"
        entry.rename(removed)  # at once, so that no one reads half of it
        _remove(removed)


def _default_directory() -> Path | None:
    """The user's directory for caches on this platform."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        if not os.path.isabs(base):
            base = os.path.expanduser("~/.cache")
    return Path(base) / "srcad" if os.path.isabs(base) else None


def _require_private(path: Path) -> None:
    """Raise ``CacheError`` unless this user alone decides what the directory contains."""
    if not hasattr(os, "geteuid"):
        return
    trusted = (os.geteuid(), 0)
    for link in (path, *path.parents):
        found = link.lstat()
        if stat.S_ISLNK(found.st_mode) and found.st_uid not in trusted:
            raise _unsafe(path, f"{link} is a link that someone else made (user {found.st_uid})")
    real = path.resolve()
    found = real.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise _unsafe(path, "it is not a directory")
    if found.st_uid != os.geteuid():
        raise _unsafe(path, f"it belongs to someone else (user {found.st_uid})")
    if found.st_mode & _OTHERS_WRITE:
        raise _unsafe(path, f"others can write it (mode {stat.S_IMODE(found.st_mode):o})")
    for parent in real.parents:
        mode = parent.lstat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise _unsafe(path, f"anyone can replace it: everyone can write {parent}")


def _unsafe(path: Path, why: str) -> CacheError:
    return CacheError(f"the directory for compiled code {path} is not safe: {why}", hint=_HINT)


def _is_private(found: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    """Whether a file or directory is of the kind asked for and this user's alone to write."""
    if not is_kind(found.st_mode):
        return False
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE


def _read(path: Path) -> bytes:
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # as far as the platform has them
        flags |= getattr(os, name, 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not _is_private(os.fstat(file.fileno()), stat.S_ISREG):
            raise PermissionError(f"{path} is not a file of this user alone")
        return file.read()


def _write(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)


def _manifest(key: str, files: Mapping[str, bytes]) -> bytes:
    """The one text that a manifest of these files can have."""
    hashes = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    return json.dumps({"key": key, "files": hashes}, indent=1).encode()


def _contents(root: Path | None) -> Iterator[Path]:
    """The entries, complete or not; nothing that srcad did not write."""
    if root is not None:
        with contextlib.suppress(OSError):
            for path in root.iterdir():
                if path.name.startswith(_WRITING) or re.fullmatch(
                    f"[0-9a-f]{{{_DIGITS}}}", path.name
                ):
                    yield path


def _remove_stale(root: Path) -> None:
    """Remove what processes that died were writing."""
    for path in _contents(root):
        if path.name.startswith(_WRITING):
            with contextlib.suppress(OSError):
                if time.time() - path.lstat().st_mtime > _STALE:
                    _remove(path)


def _remove(path: Path) -> None:
    if path.is_symlink():
        with contextlib.suppress(OSError):
            path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
