"""
Programs of other projects for the tests that need the real one: what is on PATH, else Debian's package.

A package is unpacked below ``.cache``, which needs no root and installs nothing: ``apt-get download`` and ``dpkg -x``.
Where neither is to be had, :func:`find_program` says why, and the tests are skipped with that.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

CACHE: Final = Path(__file__).resolve().parents[1] / ".cache"
FETCH_SECONDS: Final = 60


class Found(NamedTuple):
    """Where a program lies, or why it does not: exactly one is set."""

    binary: Path | None
    reason: str | None


@cache
def find_program(package: str, path: str) -> Found:
    """
    Find a program, or unpack its package once.

    Args:
        package: name of Debian's package.
        path: of the program within it, such as ``usr/sbin/nginx``.
    """
    installed = shutil.which(Path(path).name) or shutil.which(f"/{path}")
    if installed is not None:
        return Found(Path(installed), None)
    binary = CACHE / package / path
    if not binary.exists() and (reason := _unpack(package, path)) is not None:
        return Found(None, reason)
    return Found(binary, None)


def _unpack(package: str, path: str) -> str | None:
    """Return None once *path* of *package* is below the cache, else why it is not."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return f"no {package}, and no apt-get and dpkg to get it with"
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / package
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        scratch = Path(name)
        try:
            fetched = subprocess.run(
                ["apt-get", "download", "-q", package],
                cwd=scratch,
                capture_output=True,
                timeout=FETCH_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"no {package}, and apt-get did not fetch it in {FETCH_SECONDS} s"
        packages = list(scratch.glob(f"{package}_*.deb"))
        if fetched.returncode != 0 or len(packages) != 1:
            return f"no {package}, and apt-get could not fetch it (exit code {fetched.returncode})"
        unpacked = scratch / "unpacked"
        subprocess.run(["dpkg", "-x", packages[0], unpacked], check=True, capture_output=True, timeout=60)
        if not (unpacked / path).exists():
            return f"Debian's {package} has no {path}"
        try:
            unpacked.rename(folder)
        except OSError:  # another run unpacked it at the same time
            if not (folder / path).exists():
                raise
    return None
