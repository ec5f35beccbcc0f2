"""Finds a Chromium on this machine; on Debian, as root, installs it where there is none."""

from __future__ import annotations

import shutil
from functools import cache
from typing import Final

from tests.debian import install

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


@cache
def find_chromium() -> str | None:
    """Return the path of a Chromium; None where there is none and none can be installed."""
    found = _on_path()
    if found is None:
        install("chromium")
        found = _on_path()
    return found


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)
