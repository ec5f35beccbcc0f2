"""
Build the Lambda layer: pinned wheels for the target, our package, and bytecode that survives the trip.

Why not the builder that `sam` brings: it ships no bytecode, and `/opt` is read-only, so each cold start would compile
every module again. Timestamped bytecode does not help, because `sam` zips every file with the date 1980; hence
unchecked-hash. The interpreter that runs this file must be of the runtime's minor version: bytecode is bound to it.

It writes the output folder and a cache of finished dependencies, nothing else.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import py_compile
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "shared" / "requirements.txt"
PACKAGE = ROOT / "shared" / "edge"
CACHE = ROOT / ".cache" / "layer"

RUNTIME = (3, 13)
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's name of an architecture and the name that wheels use."""

GLIBC_TAGS = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")
"""The wheels that Amazon Linux 2023 (glibc 2.34) runs."""

DIST_INFO_KEPT = ("METADATA", "entry_points.txt", "licenses")
"""opentelemetry finds itself by entry point, scanners read METADATA, licences must travel with their code."""


POWERTOOLS_UTILITIES_KEPT = frozenset({"batch", "data_classes", "jmespath_utils"})
"""What ``functions/log_shipper`` imports of it, and what that imports; the rest is three quarters of the package."""

NEVER_IMPORTED = ("cffi", "pycparser")
"""They compile bindings. ``cryptography`` brings its own compiled, and loads ``_cffi_backend`` alone."""


class BuildFailed(SystemExit):
    """The layer cannot be built; the message is one clear line."""


def build(*, architecture: str, output: Path) -> None:
    """
    Write the layer's content into *output*.

    Args:
        architecture: x86_64 or arm64.
        output: an existing folder; Lambda mounts it as ``/opt``.
    """
    if sys.version_info[:2] != RUNTIME:
        raise BuildFailed(
            f"the runtime is Python 3.13 and this is {sys.version.split()[0]}: bytecode would not match"
        )
    python = output / "python"
    shutil.copytree(_dependencies(architecture), python, dirs_exist_ok=True)
    shutil.copytree(PACKAGE, python / "edge", ignore=shutil.ignore_patterns("__pycache__", "py.typed"))
    compile_hashed(python / "edge", mounted=Path("/opt/python/edge"))
    _settle_modes(python)


def _dependencies(architecture: str) -> Path:
    """Return a folder with the trimmed and compiled wheels; made once per content of its inputs."""
    inputs = hashlib.sha256(REQUIREMENTS.read_bytes() + Path(__file__).read_bytes() + sys.version.encode())
    finished = CACHE / f"{architecture}-{inputs.hexdigest()[:16]}"
    if finished.is_dir():
        return finished
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        wheels = Path(scratch) / "python"
        _install(wheels, machine=MACHINES[architecture])
        _trim(wheels)
        compile_hashed(wheels, mounted=Path("/opt/python"))
        for stale in CACHE.glob(f"{architecture}-*"):
            shutil.rmtree(stale)
        wheels.rename(finished)
    return finished


def _install(target: Path, *, machine: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--no-compile", "--implementation", "cp"]
    command += ["--python-version", "{}.{}".format(*RUNTIME), "--cache-dir", str(ROOT / ".cache" / "pip")]
    for tag in GLIBC_TAGS:
        command += ["--platform", f"{tag}_{machine}"]
    command += ["--target", str(target), "--requirement", str(REQUIREMENTS)]
    if subprocess.run(command, check=False).returncode:
        raise BuildFailed("pip could not install shared/requirements.txt; its last lines above say why")


def _trim(wheels: Path) -> None:
    """Remove what no function runs: fewer files are fewer reads from a cold disk."""
    _assert_v1_is_optional(wheels)
    shutil.rmtree(wheels / "pydantic" / "v1")
    shutil.rmtree(wheels / "bin", ignore_errors=True)
    _trim_powertools(wheels / "aws_lambda_powertools")
    for name in NEVER_IMPORTED:
        shutil.rmtree(wheels / name)
    for metadata in wheels.glob("pycparser-*.dist-info"):  # cffi's stays: its licence covers _cffi_backend
        shutil.rmtree(metadata)
    for folder in [path for path in wheels.rglob("tests") if path.is_dir()]:
        shutil.rmtree(folder)
    for typing_only in [*wheels.rglob("*.pyi"), *wheels.rglob("py.typed")]:
        typing_only.unlink()
    for entry in wheels.glob("*.dist-info/*"):
        if entry.name in DIST_INFO_KEPT:
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _trim_powertools(package: Path) -> None:
    """Leave what is kept and what it needs; ``tests/infra`` imports it and has it work."""
    shutil.rmtree(package / "event_handler")
    for folder in [path for path in (package / "utilities").iterdir() if path.is_dir()]:
        if folder.name not in POWERTOOLS_UTILITIES_KEPT:
            shutil.rmtree(folder)


def _assert_v1_is_optional(wheels: Path) -> None:
    """
    Stop when FastAPI would miss ``pydantic.v1``.

    Its first route imports that package, 12 to 19 ms for models that nobody here writes, and falls back where the
    import fails. A release that drops the fallback must not be trimmed.
    """
    source = (wheels / "fastapi" / "_compat" / "shared.py").read_text(encoding="utf-8")
    guarded = source.split("from pydantic import v1")
    if len(guarded) < 2 or not all(block.lstrip().startswith("except ImportError") for block in guarded[1:]):
        raise BuildFailed(
            "FastAPI no longer guards its import of pydantic.v1: review what infra/build_layer.py trims"
        )


def compile_hashed(folder: Path, *, mounted: Path) -> None:
    """
    Write bytecode that is valid whatever date its source has.

    Args:
        folder: of the sources.
        mounted: where Lambda has that folder; tracebacks name it.
    """
    compiled = compileall.compile_dir(
        str(folder),
        quiet=1,
        workers=1,  # the bytes depend on what else the process has compiled; one process keeps them reproducible
        maxlevels=20,
        stripdir=str(folder),
        prependdir=str(mounted),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not compiled:
        raise BuildFailed(f"{folder} does not compile")


def _settle_modes(folder: Path) -> None:
    """Give every file the mode that the umask of the machine would otherwise decide."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description="Build the Lambda layer.")
    parser.add_argument("--architecture", choices=sorted(MACHINES), required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    build(architecture=arguments.architecture, output=arguments.output)


if __name__ == "__main__":
    main()
