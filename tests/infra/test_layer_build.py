from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import subprocess
import zipfile
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

import pytest

from infra.template import load_stack
from tests import rie
from tests.infra.document import ROOT
from tests.runtime.pinned import python_of_runtime

if TYPE_CHECKING:
    from pathlib import Path

MAGIC_3_13 = (3571).to_bytes(2, "little") + b"\r\n"
"""Of Lambda's python3.13; written out, because the interpreter of the tests may be another."""

UNCHECKED_HASH = (0b01).to_bytes(4, "little")
MAX_ZIPPED_BYTES = 12 * 1024 * 1024
MAX_FUNCTION_BYTES = 16 * 1024
MAX_ASSETS_BYTES = 1024 * 1024
NEVER_IN_THE_LAYER = (
    *("boto3", "botocore", "s3transfer", "pip", "bin", "pydantic/v1", "cffi", "pycparser"),
    *("aws_lambda_powertools/event_handler", "aws_lambda_powertools/utilities/parser"),
)

ELF_64_LITTLE_ENDIAN = b"\x7fELF\x02\x01\x01"
MACHINES = {"x86_64": ("x86_64", 62), "arm64": ("aarch64", 183)}
"""Name of an architecture in file names, and its ``e_machine`` in the ELF header (elf.h: EM_X86_64, EM_AARCH64)."""

USE_WHAT_WAS_TRIMMED = """
import base64, gzip, json, sys
sys.path.insert(0, sys.argv[1])
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import CloudWatchLogsEvent

def put(record):
    if record.body == "bad":
        raise ValueError

lines = {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1, "message": "hello"}]}
data = base64.b64encode(gzip.compress(json.dumps(lines).encode())).decode()
print(*[line.message for line in CloudWatchLogsEvent({"awslogs": {"data": data}}).parse_logs_data().log_events])
records = [{"messageId": i, "body": b, "eventSource": "aws:sqs"} for i, b in (("1", "good"), ("2", "bad"))]
said = process_partial_response({"Records": records}, put, BatchProcessor(EventType.SQS), None)
print(*[failed["itemIdentifier"] for failed in said["batchItemFailures"]])

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
key = rsa.generate_private_key(65537, 2048)
jwt.decode(jwt.encode({}, key, "RS256"), key.public_key(), ["RS256"])
print("verified")
"""


class Artifacts(NamedTuple):
    """What is deployed for one architecture."""

    architecture: str
    folder: Path

    @property
    def layer(self) -> Path:
        return self.folder / "SharedLayer" / "python"


@pytest.fixture(scope="module")
def layer() -> Path:
    return rie.built("SharedLayer") / "python"


@pytest.fixture(scope="module", params=["x86_64", "arm64"])
def artifacts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """The layer and the functions for one architecture, as ``infra/build`` makes them, in a folder of their own."""
    architecture: str = request.param
    folder = tmp_path_factory.mktemp(architecture)
    command: list[str | Path] = [ROOT / ".venv-sam" / "bin" / "sam", "build", "--build-dir", folder]
    command += ["--parameter-overrides", f"Architecture={architecture}"]
    environ = {"PATH": os.environ["PATH"], "ARCHITECTURE": architecture, "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Artifacts(architecture, folder)


def bytecode_of(source: Path) -> Path:
    return source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"


def test_every_module_ships_bytecode_that_the_runtime_believes(artifacts: Artifacts) -> None:
    layer = artifacts.layer
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


def test_every_wheel_is_asked_for_by_us_or_by_another(layer: Path) -> None:
    shipped = {normalised(found.name): found for found in metadata.distributions(path=[str(layer)])}
    wanted_lines = [
        line
        for line in (ROOT / "shared" / "requirements.in").read_text("utf-8").splitlines()
        if line[:1].isalpha()
    ]
    waiting = {normalised(line) for line in wanted_lines}
    assert waiting <= shipped.keys()
    wanted: set[str] = set()
    while waiting:
        wanted |= waiting
        asked = {line for name in waiting & shipped.keys() for line in shipped[name].requires or ()}
        waiting = {normalised(line) for line in asked if "extra ==" not in line} - wanted
    assert set(shipped) - wanted == set()


def normalised(requirement: str) -> str:
    """Return the name that a requirement begins with, as PEP 503 compares it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_layer_fits_its_budget(artifacts: Artifacts) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(artifacts.layer.rglob("*")):
            archive.write(path, path.relative_to(artifacts.layer.parent))
    assert len(content.getvalue()) <= MAX_ZIPPED_BYTES


def test_extensions_are_of_the_architecture_and_of_the_runtime(artifacts: Artifacts) -> None:
    extensions = list(artifacts.layer.rglob("*.so*"))
    assert {path.name.split(".")[0] for path in extensions} == {"_cffi_backend", "_pydantic_core", "_rust"}
    name, machine = MACHINES[artifacts.architecture]
    for path in extensions:
        assert path.name.endswith((f".cpython-313-{name}-linux-gnu.so", ".abi3.so"))
        with path.open("rb") as file:
            header = file.read(20)
        assert header[:7] == ELF_64_LITTLE_ENDIAN
        assert int.from_bytes(header[18:20], "little") == machine


def test_every_function_is_built_and_tiny(artifacts: Artifacts) -> None:
    built = {path.parent.name for path in artifacts.folder.glob("*Function/app.py")}
    shipping = {"LogEndpoint": "https://collector.example.com/lines"}  # one function is there for that alone
    stack = load_stack(ROOT / "template.yaml", aws_region="us-west-1", parameters=shipping)
    assert built == {function.logical_id for function in stack.functions}
    for name in built:
        files = [path for path in (artifacts.folder / name).rglob("*") if path.is_file()]
        code = [path for path in files if "assets" not in path.parts]
        assert [path.name for path in code] == ["app.py"], name
        assert sum(path.stat().st_size for path in code) < MAX_FUNCTION_BYTES
        assert sum(path.stat().st_size for path in files) < MAX_ASSETS_BYTES


def test_what_is_trimmed_is_missed_by_nobody(layer: Path) -> None:
    done = subprocess.run(
        [python_of_runtime(), "-I", "-c", USE_WHAT_WAS_TRIMMED, layer], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["hello", "2", "verified"]


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
