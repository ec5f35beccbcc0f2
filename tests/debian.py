"""
Programs of other projects for the tests that need the real one: what is on PATH, else Debian's package.

A package is unpacked below ``.cache``, which needs no root and installs nothing: ``apt-get download`` and ``dpkg -x``.
Where neither is to be had, :func:`find_program` says why: on a laptop the tests are skipped with that, in CI they fail
(:func:`needs`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from _pytest.mark.structures import MarkDecorator

CACHE: Final = Path(__file__).resolve().parents[1] / ".cache"
FETCH_SECONDS: Final = 60
INSTALL_SECONDS: Final = 300
WAIT_FOR_LOCK: Final = ("-o", f"DPkg::Lock::Timeout={INSTALL_SECONDS}")
"""Two test processes may want the same package at the same time."""


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


def needs(reason: str | None) -> MarkDecorator:
    """
    Return the mark of tests that need a program: skipped where it is not to be had, but for CI, where they fail.

    Args:
        reason: why it is not to be had; None if it is.
    """
    return pytest.mark.skipif(reason is not None and "CI" not in os.environ, reason=str(reason))


def install(package: str) -> None:
    """Install *package* where we may; whoever asks looks for the program afterwards."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    _read_lists()
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", *WAIT_FOR_LOCK, "install", "-y", "--no-install-recommends", package]
    subprocess.run(command, env=environ, capture_output=True, timeout=2 * INSTALL_SECONDS, check=False)


@cache
def _read_lists() -> None:
    """Read the lists of packages, which a new machine has not; without the right to, those that there are must do."""
    if os.geteuid() == 0:
        command = ["apt-get", *WAIT_FOR_LOCK, "update", "-q"]
        subprocess.run(command, capture_output=True, timeout=INSTALL_SECONDS, check=False)


def _fetch(package: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["apt-get", "download", "-q", package], cwd=folder, capture_output=True, timeout=FETCH_SECONDS
    )


def _unpack(package: str, path: str) -> str | None:
    """Return None once *path* of *package* is below the cache, else why it is not."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return f"no {package}, and no apt-get and dpkg to get it with"
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / package
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        scratch = Path(name)
        try:
            fetched = _fetch(package, scratch)
            if fetched.returncode != 0:
                _read_lists()
                fetched = _fetch(package, scratch)
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
