"""``python -m infra.geo``, from the root of the repository."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SHARED = str(Path(__file__).resolve().parents[2] / "shared")


def run() -> int:
    """Run the command line; neither Ctrl-C nor a reader that has gone, as ``| head`` has, makes a traceback."""
    if SHARED not in sys.path:  # make sets PYTHONPATH, a person's shell does not
        sys.path.insert(0, SHARED)
    from infra.geo.cli import EXIT_FAILED, main  # the product's library is found from here on

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a name that the terminal cannot show
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("error: interrupted; what was begun may have happened", file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return EXIT_FAILED
    return code


if __name__ == "__main__":
    sys.exit(run())
