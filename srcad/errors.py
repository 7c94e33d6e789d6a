"""The errors that srcad raises, and how they are told.

An error has four parts: what was given and why it cannot be done, where (file, line, the source
line and a caret), and what to write instead. All of them derive from ``SrcadError`` and from the
built-in class that a caller would expect (``TypeError`` for a wrong argument, and so on).
"""

from srcad.position import Position


class SrcadError(Exception):
    """Base class of every error that srcad raises on purpose."""

    def __init__(self, what: str, at: Position | None = None, hint: str = "") -> None:
        self.what = what
        self.position = at
        self.hint = hint
        super().__init__(_render(what, at, hint))


class UnsupportedError(SrcadError, NotImplementedError):
    """The program uses something that srcad cannot differentiate exactly."""


class SourceNotFoundError(SrcadError, ValueError):
    """The source text of a function cannot be read, or is not what the function runs."""


class ArgumentError(SrcadError, TypeError):
    """A call of srcad, or of a derivative, was given the wrong arguments."""


class ArgumentValueError(SrcadError, ValueError):
    """An argument has the right type but a value that cannot be used."""


class UndefinedNameError(SrcadError, NameError):
    """The program reads a name that is defined nowhere."""


class CompilationError(SrcadError, TypeError):
    """Numba rejects the program; the message carries Numba's reason and the user's line."""


class TapeMemoryError(SrcadError, MemoryError):
    """The tapes of a call are longer than the memory that is free."""


class SnapshotError(SrcadError, OSError):
    """Snapshots cannot be written to disk, or those that are there do not belong to the call."""


class GradientCheckError(SrcadError, AssertionError):
    """``check_grads`` found a derivative that differs from its numerical estimate."""


class CacheError(SrcadError, OSError):
    """The directory for compiled code cannot be used safely."""


def _render(what: str, at: Position | None, hint: str) -> str:
    parts = [what]
    if at is not None and at.line > 0:
        parts.append(f'  File "{at.file}", line {at.line}')
        if at.text:
            parts.append("\n".join("    " + row for row in at.caret().splitlines()))
    if hint:
        parts.append(f"  Instead: {hint}")
    return "\n".join(parts)
