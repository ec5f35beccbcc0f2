"""
Ends this process when the one that started it is gone, even after ``kill -9``.

The parent holds the only write end of our standard input; the kernel closes it with the parent, and the read below
returns. That works on every Unix and, unlike PR_SET_PDEATHSIG, does not depend on which thread did the fork.

As a program, ``python -m infra.local.leash MODULE``, it runs somebody else's module on that leash.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from typing import Final

GRACE_SECONDS: Final = 3.0
"""Between the signal that asks and the exit that does not."""


def hold_leash() -> None:
    """Watch standard input from a thread; at its end send this process SIGTERM, and end it if that did not."""
    threading.Thread(target=_watch, name="leash", daemon=True).start()


def _watch() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    hold_leash()
    runpy.run_module(module, run_name="__main__", alter_sys=True)
