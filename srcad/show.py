"""Generated source on the terminal."""

import sys


def show(text: str) -> None:
    """Print Python source, coloured if ``rich`` is installed."""
    try:
        from rich.console import Console  # noqa: PLC0415 (optional, and slow to import)
        from rich.syntax import Syntax  # noqa: PLC0415
    except ImportError:
        sys.stdout.write(text)
        return
    Console(file=sys.stdout).print(Syntax(text, "python", background_color="default"))
