"""Finds a Chromium on this machine; on Debian, as root, installs it where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS: Final = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING: Final = "no Chromium on PATH; on Debian: apt-get install --no-install-recommends chromium"
_INSTALL: Final = ("apt-get", "install", "-y", "--no-install-recommends", "chromium")
_INSTALL_SECONDS: Final = 300


@cache
def find_chromium() -> str | None:
    """Return the path of a Chromium; None where there is none and none can be installed."""
    found = _on_path()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(_INSTALL, env=environ, capture_output=True, timeout=_INSTALL_SECONDS, check=False)
        found = _on_path()
    return found


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)
