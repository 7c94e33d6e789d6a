"""``python -m srcad``: the cache of compiled code, and a demonstration.

::

    python -m srcad cache --info      where compiled code is kept, and how much of it
    python -m srcad cache --clear     remove it
    python -m srcad demo              a gradient of a simulation, written and run
"""

import argparse
import sys
from collections.abc import Sequence

import srcad
from srcad.backend.cache import cache_info, clear_cache
from srcad.errors import SrcadError


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    args = sys.argv[1:] if args is None else args
    if args[:1] == ["demo"]:
        from srcad import demo  # noqa: PLC0415 (imports more than the other commands need)

        return demo.main(args[1:])
    options = _parser().parse_args(args)
    try:
        text = f"{clear_cache()} programs removed\n" if options.clear else _info()
    except SrcadError as error:
        sys.stderr.write(f"srcad: {error}\n")
        return 1
    sys.stdout.write(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("srcad", description=srcad.__doc__)
    parser.add_argument("--version", action="version", version=f"srcad {srcad.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    cache = commands.add_parser("cache", help="the cache of compiled code")
    what = cache.add_mutually_exclusive_group()
    what.add_argument("--info", action="store_true", help="where it is and how large (default)")
    what.add_argument("--clear", action="store_true", help="remove it")
    commands.add_parser("demo", help="a gradient of a simulation, written and run")
    return parser


def _info() -> str:
    directory, entries, size = cache_info()
    if directory is None:
        return "no directory for compiled code can be written: programs are compiled in memory\n"
    return f"{directory}\n{entries} programs, {size / 1e6:.1f} MB\n"


if __name__ == "__main__":
    sys.exit(main())
