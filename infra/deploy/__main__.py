"""``python -m infra.deploy``, from the root of the repository."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SHARED = str(Path(__file__).resolve().parents[2] / "shared")


def run() -> int:
    """Run the command line; neither Ctrl-C nor a reader that has gone makes a traceback."""
    if SHARED not in sys.path:  # make sets PYTHONPATH, a person's shell does not
        sys.path.insert(0, SHARED)
    from infra.deploy.cli import EXIT_FAILED, main  # the product's library is found from here on

    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(
            "error: interrupted; what CloudFormation has begun goes on, and the same command continues from there",
            file=sys.stderr,
        )
        return EXIT_FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return EXIT_FAILED
    return code


if __name__ == "__main__":
    sys.exit(run())
