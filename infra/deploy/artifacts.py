"""
What ``sam build`` left, as artifacts: folders by their content's digest, and the zip that Lambda takes.

The digest is over names, modes and content, not over the zip: another version of zlib writes other bytes for the same
code, and every new key would publish new versions of functions that did not change.
"""

from __future__ import annotations

import hashlib
import io
import platform
import subprocess
import threading
import zipfile
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from infra.deploy.failures import DeployFailed
from infra.deploy.places import ROOT
from infra.template_document import load_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

BUILD_DIR: Final = ROOT / ".aws-sam" / "build"
STAMP: Final = "inputs.sha256"
"""infra/build writes ``<architecture>-<digest of its inputs>`` there."""

CODE_PROPERTIES: Final = ("CodeUri", "ContentUri")
_zipping = threading.Lock()  # one region zips, the others wait and take it
ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest that the format knows; bytecode in the layer does not look at it."""

_MACHINES: Final = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}


class Artifact(NamedTuple):
    """
    One folder that was built.

    Attributes:
        logical_id: of the function or the layer.
        folder: where it lies.
        digest: of its content, 64 hex digits.
    """

    logical_id: str
    folder: Path
    digest: str

    @property
    def key(self) -> str:
        """Return where it lies in a bucket."""
        return f"artifacts/{self.digest[:40]}.zip"

    def zipped(self) -> bytes:
        """Return the zip of the folder; made once, for all regions."""
        with _zipping:
            return _zip(self.folder, self.digest)


@lru_cache(maxsize=64)
def _zip(folder: Path, digest: str) -> bytes:
    """
    Return the zip of *folder*, whose content has *digest*.

    What is uploaded under a digest stays there for every later release with that digest: so the bytes that were zipped are
    held to it, and not what lay there when the plan was made.

    Raises:
        DeployFailed: they have another; the folder has changed since.
    """
    entries = list(_entries(folder))
    if _digest_of(entries) != digest:
        raise DeployFailed(
            "build", f"{folder} has changed since the plan was made: run the same command again."
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for found in entries:
            entry = zipfile.ZipInfo(found.name, ZIP_DATE)
            entry.external_attr = (found.mode & 0xFFFF) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, found.content)
    return buffer.getvalue()


class Build(NamedTuple):
    """
    What is deployed: a SAM template and the folders that it names.

    Attributes:
        document: the template, unevaluated.
        artifacts: of each function and layer, by logical id.
        architecture: that it was built for.
    """

    document: Mapping[str, object]
    artifacts: Mapping[str, Artifact]
    architecture: str


def make_build(architecture: str) -> None:
    """
    Run ``infra/build``, which does nothing when no input has changed.

    Raises:
        DeployFailed: it failed; it has told why.
    """
    if subprocess.run([str(ROOT / "infra" / "build"), architecture], cwd=ROOT, check=False).returncode:
        raise DeployFailed("build", "The build failed; nothing was deployed.")


def machine_architecture() -> str:
    """Return Lambda's name for this machine, on which an emulator runs the functions."""
    return _MACHINES.get(platform.machine().lower(), "x86_64")


def read_build(directory: Path = BUILD_DIR) -> Build:
    """
    Read what was built.

    Raises:
        DeployFailed: there is no whole build.
        TemplateError: its template cannot be read.
    """
    template = directory / "template.yaml"
    stamp = directory / STAMP
    if not template.is_file() or not stamp.is_file():
        raise DeployFailed("build", f"There is no whole build in {directory}: run `make build`.")
    document = load_document(template)
    artifacts = {}
    for logical_id, place in code_places(document).items():
        folder = (directory / place).resolve()
        if not folder.is_dir():
            raise DeployFailed("build", f"{logical_id}: its folder is not in {directory}: run `make build`.")
        artifacts[logical_id] = Artifact(logical_id, folder, folder_digest(folder))
    return Build(document, artifacts, stamp.read_text("utf-8").partition("-")[0])


def code_places(document: Mapping[str, object]) -> dict[str, str]:
    """Return the folder of each resource that has code, relative to the template."""
    resources = document["Resources"]
    if not isinstance(resources, dict):
        return {}
    return {
        logical_id: str(resource["Properties"][name])
        for logical_id, resource in resources.items()
        for name in CODE_PROPERTIES
        if isinstance(resource, dict) and isinstance(resource.get("Properties", {}).get(name), str)
    }


def folder_digest(folder: Path) -> str:
    """Return the digest of a folder's content: names, whether executable, bytes."""
    return _digest_of(_entries(folder))


class _Entry(NamedTuple):
    name: str
    mode: int
    content: bytes


def _entries(folder: Path) -> Iterator[_Entry]:
    found = [(path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()]
    for name, path in sorted(found):
        yield _Entry(name, path.stat().st_mode, path.read_bytes())


def _digest_of(entries: Iterable[_Entry]) -> str:
    digest = hashlib.sha256()
    for name, mode, content in entries:
        executable = bool(mode & 0o100)
        digest.update(f"{name}\0{executable:d}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
