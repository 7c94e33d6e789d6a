"""Where a piece of the user's program stands in its file.

A position is made once, in the front end, and carried by every node of the IR, so that an error
found by any later pass can show the user's own line with a caret under the offending piece.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A span on one line of a source file.

    ``line`` counts from 1, ``column`` from 0 (as in ``ast``); ``end`` is the column after the last
    character, or -1 where it is not known or lies on a later line. ``text`` is the source line.
    """

    file: str
    line: int
    column: int
    end: int = -1
    text: str = ""

    def caret(self) -> str:
        """The source line and, below it, carets under the span.

        >>> print(Position("f.py", 3, 4, 7, "x = abc + 1").caret())
        x = abc + 1
            ^^^
        """
        width = max(1, (self.end if self.end > self.column else self.column + 1) - self.column)
        lead = "".join("\t" if c == "\t" else " " for c in self.text[: self.column])
        return f"{self.text}\n{lead}{'^' * width}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Position("<srcad>", 0, 0)
