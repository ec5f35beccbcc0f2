"""
An interpreter of the runtime's version, and packages for it at the versions and hashes that this project locks.

For what runs beside the product and not in it: AWS's bootstrap, and the stacks that a benchmark compares with.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"


@cache
def python_of_runtime() -> Path:
    """Return an interpreter of the runtime's minor version."""
    found = subprocess.run([ROOT / "infra" / "build-python"], check=True, capture_output=True, text=True)
    return Path(found.stdout.strip())


def install_pinned(names: Sequence[str], target: Path, *, requirements: Path, bytecode: bool) -> Path:
    """
    Install *names* at the versions and hashes of *requirements* into *target*, once per content of that file.

    Args:
        names: distributions, all of them: dependencies are not followed.
        target: the folder that ends up on the module path.
        requirements: a locked file that names each of them.
        bytecode: whether to compile, as in the managed runtime; stock ``sam build`` does not.
    """
    blocks = re.split(r"\n(?=\S)", requirements.read_text(encoding="utf-8"))
    by_name = {block.partition("==")[0]: block for block in blocks}
    wanted = "\n".join(by_name[name] for name in names) + "\n"
    lock = target.with_suffix(".txt")
    if target.is_dir() and lock.is_file() and lock.read_text(encoding="utf-8") == wanted:
        return target
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(wanted, encoding="utf-8")
    command: list[str | Path] = [
        python_of_runtime(),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ]
    command += [
        "--no-deps",
        "--require-hashes",
        "--cache-dir",
        CACHE / "pip",
        "--target",
        target,
        "--requirement",
        lock,
    ]
    command.append("--compile" if bytecode else "--no-compile")
    subprocess.run(command, check=True)
    return target
