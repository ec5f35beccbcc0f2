"""A machine without a usable Python gets one clear line."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.infra.document import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bare_machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with a shell and no Python."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "env", "ls", "dirname"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    return {"PATH": str(tools), "HOME": str(tmp_path)}


def find_python(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "infra" / "find-python"), *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(("arguments", "names"), [((), ">= 3.11"), (("3.13",), "3.13")])
def test_missing_python_is_one_clear_line(
    bare_machine: dict[str, str], arguments: tuple[str, ...], names: str
) -> None:
    done = find_python(bare_machine, *arguments)

    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert names in done.stderr


def test_shim_of_a_version_that_is_not_installed_is_passed_over(
    bare_machine: dict[str, str], tmp_path: Path
) -> None:
    """A version manager leaves ``python3.13`` on the path that only says that 3.13 is missing."""
    shim = tmp_path / "bin" / "python3.13"
    shim.write_text("#!/bin/bash\nexit 127\n")
    shim.chmod(0o755)

    assert find_python(bare_machine, "3.13").returncode == 1


def test_python_that_is_there_is_found() -> None:
    done = find_python(dict(os.environ))

    assert done.returncode == 0
    assert subprocess.run([done.stdout.strip(), "-c", "import venv"]).returncode == 0
