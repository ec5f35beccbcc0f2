"""What ``functions/docs/assets`` holds: made here, committed, compared by ``tests/infra/test_contract.py``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from infra.openapi.document import build_document
from infra.openapi.loading import load_functions
from infra.openapi.reference import reference_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ASSETS: Final = "functions/docs/assets"
COMMAND: Final = "python -m infra.openapi"


def served_files(root: Path) -> dict[str, bytes]:
    """
    Return the files by name; the same sources give the same bytes.

    Args:
        root: of the repository.
    """
    document = build_document(load_functions(root), root)
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    return {"openapi.json": text.encode(), **reference_files(document, root)}


def stale_files(root: Path, files: Mapping[str, bytes]) -> list[str]:
    """Return the names of files that are missing, different, or not to be there any longer."""
    found = {path.name: path.read_bytes() for path in sorted((root / ASSETS).iterdir())}
    return sorted(name for name in found.keys() | files.keys() if found.get(name) != files.get(name))


def write_files(root: Path, files: Mapping[str, bytes]) -> None:
    """Write the files and remove what they replace."""
    for name in stale_files(root, files):
        path = root / ASSETS / name
        if name in files:
            path.write_bytes(files[name])
        else:
            path.unlink()
