from __future__ import annotations

import importlib.util
import io
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests import rie
from tests.infra.document import ROOT
from tests.runtime.pinned import python_of_runtime

if TYPE_CHECKING:
    from pathlib import Path

MAGIC_3_13 = (3571).to_bytes(2, "little") + b"\r\n"
"""Of Lambda's python3.13; written out, because the interpreter of the tests may be another."""

UNCHECKED_HASH = (0b01).to_bytes(4, "little")
MAX_ZIPPED_BYTES = 12 * 1024 * 1024
NEVER_IN_THE_LAYER = ("boto3", "botocore", "s3transfer", "pip", "bin", "pydantic/v1")


@pytest.fixture(scope="module")
def layer() -> Path:
    return rie.built("SharedLayer") / "python"


def bytecode_of(source: Path) -> Path:
    return source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"


def test_every_module_ships_bytecode_that_the_runtime_believes(layer: Path) -> None:
    sources = list(layer.rglob("*.py"))
    assert len(sources) > 200
    stale = []
    for source in sources:
        header = bytecode_of(source).read_bytes()[:16] if bytecode_of(source).is_file() else b""
        source_hash = importlib.util.source_hash(source.read_bytes())
        if _hash_is_of_another_interpreter(header, source_hash):
            stale.append(source.relative_to(layer).as_posix())
    assert stale == []


def _hash_is_of_another_interpreter(header: bytes, source_hash: bytes) -> bool:
    # the key of source_hash is the magic number of the interpreter that hashes, so only 3.13 can compare it
    comparable = importlib.util.MAGIC_NUMBER == MAGIC_3_13
    return header[:8] != MAGIC_3_13 + UNCHECKED_HASH or (comparable and header[8:16] != source_hash)


def test_no_bytecode_without_its_source(layer: Path) -> None:
    orphans = [
        path
        for path in layer.rglob("*.pyc")
        if not (path.parent.parent / f"{path.name.split('.')[0]}.py").is_file()
    ]
    assert orphans == []


def test_our_package_is_there_as_it_is_in_the_tree(layer: Path) -> None:
    shipped = {path.relative_to(layer): path.read_bytes() for path in (layer / "edge").rglob("*.py")}
    written = {
        path.relative_to(ROOT / "shared"): path.read_bytes() for path in (ROOT / "shared/edge").rglob("*.py")
    }
    assert shipped == written, "make build"


def test_tracebacks_name_the_file_where_lambda_has_it(layer: Path) -> None:
    assert b"/opt/python/edge/app.py" in bytecode_of(layer / "edge" / "app.py").read_bytes()
    assert str(ROOT).encode() not in bytecode_of(layer / "edge" / "app.py").read_bytes()


@pytest.mark.parametrize("name", NEVER_IN_THE_LAYER)
def test_layer_leaves_out(layer: Path, name: str) -> None:
    assert not (layer / name).exists()


def test_layer_has_no_tests_and_no_type_stubs(layer: Path) -> None:
    unused = [
        path for path in layer.rglob("*") if path.name in {"tests", "py.typed"} or path.suffix == ".pyi"
    ]
    assert unused == []


def test_licences_and_metadata_stay_for_scanners(layer: Path) -> None:
    for folder in layer.glob("*.dist-info"):
        assert (folder / "METADATA").is_file()


def test_layer_fits_its_budget(layer: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(layer.rglob("*")):
            archive.write(path, path.relative_to(layer.parent))
    assert len(content.getvalue()) <= MAX_ZIPPED_BYTES


def test_functions_stay_tiny() -> None:
    for name in ("RatelimitCheckFunction", "HealthFunction"):
        assert sum(path.stat().st_size for path in rie.built(name).rglob("*") if path.is_file()) < 16 * 1024


@pytest.mark.parametrize(("architecture", "machine"), [("x86_64", "x86_64"), ("arm64", "aarch64")])
def test_layer_builds_for_both_architectures_on_this_machine(
    tmp_path: Path, architecture: str, machine: str
) -> None:
    _build(architecture, tmp_path)
    extensions = [path.name for path in (tmp_path / "python").rglob("*.so")]
    assert extensions
    assert all(f"{machine}-linux-gnu" in name or name.endswith(".abi3.so") for name in extensions)


def test_same_sources_give_same_bytecode(tmp_path: Path, layer: Path) -> None:
    again = shutil.copytree(layer, tmp_path / "python", ignore=shutil.ignore_patterns("__pycache__", "edge"))
    recompile = "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import build_layer as b; "
    recompile += "b.compile_hashed(pathlib.Path(sys.argv[2]), mounted=pathlib.Path('/opt/python'))"
    subprocess.run([python_of_runtime(), "-c", recompile, ROOT / "infra", again], check=True)
    differing = [
        path.relative_to(again).as_posix()
        for path in again.rglob("*.pyc")
        if path.read_bytes() != (layer / path.relative_to(again)).read_bytes()
    ]
    assert differing == []


def _build(architecture: str, output: Path) -> None:
    output.mkdir(exist_ok=True)
    command: list[str | Path] = [
        python_of_runtime(),
        ROOT / "infra" / "build_layer.py",
        "--architecture",
        architecture,
        "--output",
        output,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
