"""
The MDN HTTP Observatory (npm, MPL-2.0), installed once below ``.cache`` from the lock file beside this one.

Its install scripts would fetch lists that grading localhost does not need: they do not run, and the list of preloaded
HSTS hosts is empty, so that nothing is graded by what a list says of it. Where node or npm cannot be had,
:func:`find_scanner` says why.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict

if TYPE_CHECKING:
    from tests.observatory.site import Site

HERE: Final = Path(__file__).parent
CACHE: Final = HERE.parents[1] / ".cache" / "observatory"
PACKAGE: Final = Path("node_modules", "@mdn", "mdn-http-observatory")
LEAST_NODE: Final = 20
INSTALL_SECONDS: Final = 180
SCAN_SECONDS: Final = 60


class Graded(TypedDict):
    """What the Observatory says of an answer: *found* has the result of each of its tests."""

    grade: str
    score: int
    status: int
    found: dict[str, str]


class Found(NamedTuple):
    """Where the package lies, or why it does not: exactly one is set."""

    package: Path | None
    reason: str | None


@cache
def find_scanner() -> Found:
    """Find the package, or install it once for each lock file."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return Found(None, "no node and npm, which the MDN HTTP Observatory runs on")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30).stdout
    if int(version.lstrip("v").partition(".")[0] or 0) < LEAST_NODE:
        return Found(None, f"node is older than {LEAST_NODE}, which the MDN HTTP Observatory needs")
    locked = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = CACHE / locked
    if not folder.exists() and (reason := _install(npm, folder)) is not None:
        return Found(None, reason)
    return Found(folder / PACKAGE, None)


def _install(npm: str, folder: Path) -> str | None:
    """Return None once *folder* has the package, else why it has not."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        scratch = Path(name) / "installed"
        scratch.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / file, scratch)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            done = subprocess.run(
                command, cwd=scratch, capture_output=True, text=True, timeout=INSTALL_SECONDS
            )
        except subprocess.TimeoutExpired:
            return f"npm did not install the MDN HTTP Observatory in {INSTALL_SECONDS} s"
        if "EINTEGRITY" in done.stderr or "EUSAGE" in done.stderr:
            raise AssertionError(done.stderr)  # the lock file is wrong: no reason to skip
        if done.returncode != 0:
            return f"npm could not install the MDN HTTP Observatory (exit code {done.returncode})"
        (scratch / PACKAGE / "conf" / "hsts-preload.json").write_text("{}\n")
        try:
            scratch.rename(folder)
        except OSError:  # another run installed it at the same time
            if not (folder / PACKAGE).exists():
                raise
    return None


def grade(site: Site, path: str) -> Graded:
    """
    Return what the Observatory says of the answer to GET *path*.

    Args:
        site: whose certificate authority the scanner is told to trust.
        path: of the answer.
    """
    package = find_scanner().package
    assert package is not None
    done = subprocess.run(
        ["node", HERE / "scan.mjs", package, str(site.http_port), str(site.https_port), path],
        env={"PATH": os.environ["PATH"], "NODE_EXTRA_CA_CERTS": str(site.authority)},
        capture_output=True,
        text=True,
        timeout=SCAN_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    graded: Graded = json.loads(done.stdout)
    return graded
