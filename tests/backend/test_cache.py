"""Compiled code on disk: found again, refused where others can write, never trusted if broken."""

import os
import random
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from srcad.__main__ import main
from srcad.backend import cache
from srcad.backend.cache import cache_directory, cache_info, clear_cache
from srcad.backend.compile import load
from srcad.config import Options
from srcad.errors import CacheError, CompilationError
from srcad.position import Position

TEXT = """import numpy as np

from srcad.runtime.tapes import tape


def _twice(x):
    return x + x


def f(x, n, pool):
    t = tape(pool, n, np.float64)
    for i in range(n):
        t[i] = _twice(x)
    return t[n - 1] + n
"""
ARGS = (1.5, 4, (np.empty(64, np.uint8), np.zeros(4, np.int64)))
EXPECTED = 7.0
SCRIPT = """
import sys
from tests.backend.test_cache import ARGS, TEXT, load, Options
f = load(TEXT, "f", Options(), "").compile(ARGS)
print(f(*ARGS), sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values()))
"""
ROOT = Path(__file__).parents[2]
posix_only = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners and modes")


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for every test."""
    path = tmp_path / "cache"
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(path))
    return path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with one program in it, for tests to copy and break."""
    path = tmp_path_factory.mktemp("template") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRCAD_CACHE_DIR", str(path))
        _forget()
        _compile()
    return path


def _forget() -> None:
    """As if the process had just started."""
    for name in [name for name in sys.modules if name.startswith("_srcad_")]:
        del sys.modules[name]


def _compile(options: Options | None = None) -> Any:
    return load(TEXT, "f", options or Options(), "").compile(ARGS)


def _run() -> tuple[float, int, int]:
    """What the program gives, and whether it was found (hits, misses)."""
    _forget()
    f = _compile()
    value = f(*ARGS)
    return value, sum(f.stats.cache_hits.values()), sum(f.stats.cache_misses.values())


HIT, MISS = (EXPECTED, 1, 0), (EXPECTED, 0, 1)


def _entry(directory: Path) -> Path:
    (entry,) = directory.iterdir()
    return entry


# ------------------------------------------------------------ found again


def test_a_program_is_compiled_once(directory: Path) -> None:
    assert _run() == MISS
    assert _run() == HIT
    names = sorted(path.name for path in _entry(directory).iterdir())
    assert names == [f"_srcad_{_entry(directory).name[:16]}.py", "code.bin", "manifest.json"]
    assert (_entry(directory) / names[0]).read_text() == TEXT


def test_a_second_process_compiles_nothing(directory: Path) -> None:
    found = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=ROOT,
            env={**os.environ, "NUMBA_CACHE_DIR": str(directory.parent / "numba")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert found == [["7.0", "0", "1"], ["7.0", "1", "0"]]
    assert not (directory.parent / "numba").exists()


def test_the_same_program_again_is_the_same_function() -> None:
    assert _compile() is _compile()


def test_other_types_and_options_are_other_programs(directory: Path) -> None:
    _forget()
    _compile()
    _compile(Options(fastmath=True))
    load(TEXT, "f", Options(), "").compile((2, *ARGS[1:]))
    load(TEXT, "f", Options(), "other types").compile(ARGS)
    load(TEXT + "\n", "f", Options(), "").compile(ARGS)
    assert len(list(directory.iterdir())) == 5


def test_types_met_later_run_and_do_not_touch_the_disk(directory: Path) -> None:
    assert _run() == MISS
    before = {path.name: path.read_bytes() for path in _entry(directory).iterdir()}
    assert _compile()(2, *ARGS[1:]) == 8.0
    assert {path.name: path.read_bytes() for path in _entry(directory).iterdir()} == before


def test_nothing_is_written_without_cache(directory: Path) -> None:
    _forget()
    assert _compile(Options(cache=False))(*ARGS) == EXPECTED
    assert not directory.exists()


def test_cleared_while_in_use(directory: Path) -> None:
    assert _run() == MISS
    f = _compile()
    assert clear_cache() == 1
    assert f(*ARGS) == EXPECTED
    assert _run() == MISS


def test_info(directory: Path) -> None:
    assert cache_info() == (directory, 0, 0)
    _run()
    info = cache_info()
    assert info.entries == 1
    assert info.bytes == sum(path.stat().st_size for path in _entry(directory).iterdir())


def test_clear_removes_only_what_srcad_wrote(directory: Path) -> None:
    _run()
    mine = directory / "thesis.tex"
    mine.write_text("years of work")
    clear_cache()
    assert list(directory.iterdir()) == [mine]


def test_command_line(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run()
    assert main(["cache", "--info"]) == 0
    assert capsys.readouterr().out.startswith(f"{directory}\n1 programs, ")
    assert main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out == "1 programs removed\n"
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])


def test_numba_rejects_a_program(directory: Path) -> None:
    text = "def f(x):\n    y = x + 1.0\n    return y.nonsense\n"
    with pytest.raises(
        CompilationError, match=r"(?s)nonsense.*line 3.*return y\.nonsense"
    ) as found:
        load(text, "f", Options(), "").compile((1.0,))
    assert "\x1b" not in str(found.value)
    user = Position("user.py", 30, 4, 9, "    a = b.c")
    with pytest.raises(CompilationError, match=r'(?s)File "user.py", line 30'):
        load(text, "f", Options(), "", {3: user}.get).compile((1.0,))
    assert list(directory.iterdir()) == []


# ------------------------------------------------------------ refused


@posix_only
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o720, 0o1777])
def test_a_directory_that_others_can_write_is_refused(directory: Path, mode: int) -> None:
    directory.mkdir()
    directory.chmod(mode)
    _forget()
    with pytest.raises(CacheError, match="others can write it"):
        _compile()
    with pytest.raises(CacheError):
        cache_info()
    with pytest.raises(CacheError):
        clear_cache()
    assert main(["cache", "--info"]) == 1
    assert list(directory.iterdir()) == []


@posix_only
def test_a_directory_of_someone_else_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.mkdir(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: directory.stat().st_uid + 1)
    with pytest.raises(CacheError, match="belongs to someone else"):
        cache_directory()


@posix_only
def test_a_link_to_a_directory_that_others_can_write_is_refused(
    directory: Path, tmp_path: Path
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    directory.symlink_to(tmp_path / "open")
    with pytest.raises(CacheError, match="others can write it"):
        cache_directory()


@posix_only
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_a_link_that_someone_else_made_is_refused(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(0o700)
    directory.symlink_to(tmp_path / "mine")
    assert cache_directory() == directory
    os.lchown(directory, 12345, 12345)
    with pytest.raises(CacheError, match="a link that someone else made"):
        cache_directory()


@posix_only
def test_a_directory_that_anyone_can_replace_is_refused(directory: Path, tmp_path: Path) -> None:
    directory.mkdir(0o700)
    tmp_path.chmod(0o777)
    with pytest.raises(CacheError, match="anyone can replace it"):
        cache_directory()
    tmp_path.chmod(0o1777)  # as /tmp
    assert cache_directory() == directory


@posix_only
def test_it_is_made_for_this_user_alone(directory: Path) -> None:
    old = os.umask(0)
    try:
        _run()
    finally:
        os.umask(old)
    for path in (directory, *directory.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_file_in_its_place_is_an_error(directory: Path) -> None:
    directory.write_text("")
    with pytest.raises(CacheError, match="cannot be used"):
        cache_directory()


def test_without_a_place_programs_are_compiled_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").write_text("not a directory")
    monkeypatch.delenv("SRCAD_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_directory() is None
    assert cache_info() == (None, 0, 0)
    assert clear_cache() == 0
    assert main(["cache"]) == 0
    assert "compiled in memory" in capsys.readouterr().out
    assert _run() == MISS
    assert _run() == MISS


def test_the_default_is_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SRCAD_CACHE_DIR")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "srcad"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_directory() == tmp_path / "home" / ".cache" / "srcad"


def test_a_disk_that_cannot_be_written_does_no_harm(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "_write", full)
    assert _run() == MISS
    assert list(directory.iterdir()) == []


# ------------------------------------------------------------ broken


def _damage(entry: Path, seed: int) -> None:
    """Flip a bit of a file, cut it short, empty it, lengthen it, remove it, or swap two."""
    choice = random.Random(seed)
    files = sorted(entry.iterdir())
    file = choice.choice(files)
    content = bytearray(file.read_bytes())
    match choice.choice(["flip", "flip", "flip", "cut", "empty", "longer", "remove", "swap"]):
        case "flip":
            content[choice.randrange(len(content))] ^= 1 << choice.randrange(8)
        case "cut":
            del content[choice.randrange(len(content)) :]
        case "empty":
            content.clear()
        case "longer":
            content += b"\0"
        case "remove":
            file.unlink()
            return
        case _:
            content[:] = files[files.index(file) - 1].read_bytes()
    file.write_bytes(content)


def _check_damaged(directory: Path, template: Path, seed: int) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(template, directory)
    _damage(_entry(directory), seed)
    assert _run() == MISS
    assert _run() == HIT


def test_an_untouched_copy_is_found(directory: Path, template: Path) -> None:
    shutil.copytree(template, directory)
    assert _run() == HIT


@pytest.mark.parametrize("seed", range(36))
def test_a_broken_entry_is_compiled_again(directory: Path, template: Path, seed: int) -> None:
    _check_damaged(directory, template, seed)


@pytest.mark.slow
def test_a_thousand_broken_entries(directory: Path, template: Path) -> None:
    for seed in range(1000, 2000):
        _check_damaged(directory, template, seed)


def test_an_entry_under_the_name_of_another_is_not_used(directory: Path) -> None:
    _forget()
    load(TEXT.replace("x + x", "x + 9.0"), "f", Options(), "").compile(ARGS)
    other = _entry(directory)
    _compile()
    (mine,) = [path for path in directory.iterdir() if path != other]
    shutil.rmtree(mine)
    other.rename(mine)
    (source,) = mine.glob("*.py")
    source.rename(mine / f"_srcad_{mine.name[:16]}.py")
    assert _run() == MISS


@posix_only
def test_files_that_others_can_write_are_not_used(directory: Path, template: Path) -> None:
    shutil.copytree(template, directory)
    (_entry(directory) / "code.bin").chmod(0o666)
    assert _run() == MISS
    _entry(directory).chmod(0o777)
    assert _run() == MISS
    code = _entry(directory) / "code.bin"
    code.rename(directory.parent / "code.bin")
    code.symlink_to(directory.parent / "code.bin")
    assert _run() == MISS
    assert _run() == HIT


@posix_only
@pytest.mark.parametrize("kind", ["file", "link", "dangling", "empty", "fifo"])
def test_something_else_in_the_place_of_an_entry(
    directory: Path, template: Path, kind: str
) -> None:
    shutil.copytree(template, directory)
    entry = _entry(directory)
    moved = directory.parent / "moved"
    entry.rename(moved)
    match kind:
        case "file":
            entry.write_text("")
        case "link":
            entry.symlink_to(moved)
        case "dangling":
            entry.symlink_to(directory.parent / "nowhere")
        case "empty":
            entry.mkdir(0o700)
        case _:
            shutil.copytree(moved, entry)
            (entry / "code.bin").unlink()
            os.mkfifo(entry / "code.bin", 0o600)
    assert _run() == MISS
    assert _run() == HIT


def test_code_that_numba_cannot_load_is_compiled_again(
    directory: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(template, directory)
    entry = _entry(directory)
    real = cache.read_entry

    def wrong(*args: Any) -> dict[str, bytes] | None:
        files = real(*args)
        return files and {**files, "code.bin": b"not a pickle"}

    monkeypatch.setattr("srcad.backend.compile.read_entry", wrong)
    assert _run() == MISS
    monkeypatch.undo()
    monkeypatch.setenv("SRCAD_CACHE_DIR", str(directory))
    assert entry.exists()
    assert _run() == HIT


def test_what_dead_processes_left_is_removed(directory: Path) -> None:
    for name, age in (("writing-old", 2 * 24 * 3600), ("writing-new", 60)):
        (directory / name).mkdir(0o700, parents=True)
        os.utime(directory / name, (time.time() - age,) * 2)
    directory.chmod(0o700)
    _run()
    assert not (directory / "writing-old").exists()
    assert (directory / "writing-new").exists()
    assert cache_info().entries == 1


# ------------------------------------------------------------ at once


@pytest.mark.slow
def test_eight_processes_at_once(directory: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    found = [process.communicate(timeout=300)[0].split() for process in processes]
    assert all(process.returncode == 0 for process in processes)
    assert {value for value, *_ in found} == {"7.0"}
    assert cache_info().entries == 1
    assert len(list(directory.iterdir())) == 1
    assert _run() == HIT


@pytest.mark.slow
def test_processes_while_entries_are_broken_and_cleared(directory: Path, template: Path) -> None:
    shutil.copytree(template, directory)
    code = (
        SCRIPT
        + "\nfor _ in range(15):\n"
        + (
            "    for name in [name for name in sys.modules if name.startswith('_srcad_')]:\n"
            "        del sys.modules[name]\n"
            "    f = load(TEXT, 'f', Options(), '').compile(ARGS)\n"
            "    assert f(*ARGS) == 7.0\n"
        )
    )
    processes = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(4)]
    seed = 0
    while any(process.poll() is None for process in processes):
        seed += 1
        for entry in list(directory.iterdir()):
            try:
                _damage(entry, seed) if seed % 3 else clear_cache()
            except (OSError, IndexError, ValueError):
                continue  # it went away meanwhile
        time.sleep(0.02)
    assert all(process.returncode == 0 for process in processes)
