"""``python -m infra.openapi``, from the root of the repository: write what ``functions/docs`` serves."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run() -> int:
    """Write the files; with ``--check`` only say whether they are as they would be written."""
    shared = str(ROOT / "shared")
    if shared not in sys.path:  # make sets PYTHONPATH, a person's shell does not
        sys.path.insert(0, shared)
    from infra.openapi.files import COMMAND, served_files, stale_files, write_files  # found from here on

    if sys.argv[1:] not in ([], ["--check"]):
        print("usage: python -m infra.openapi [--check]", file=sys.stderr)
        return 2
    files = served_files(ROOT)
    stale = stale_files(ROOT, files)
    if sys.argv[1:]:
        print(
            f"stale: {', '.join(stale)}; run: {COMMAND}" if stale else "functions/docs/assets is up to date"
        )
        return 1 if stale else 0
    write_files(ROOT, files)
    for name, body in files.items():
        print(f"{name}  {len(body):,} bytes{'  (new)' if name in stale else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(run())
