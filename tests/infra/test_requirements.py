from __future__ import annotations

import re

import pytest

from tests.infra.document import ROOT

LOCKED = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("requirements*.txt"), ROOT / "shared/requirements.txt"]
)


def entries(name: str) -> list[str]:
    text = re.sub(r"\\\n\s*", "", (ROOT / name).read_text(encoding="utf-8"))
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("name", LOCKED)
def test_every_requirement_is_pinned_with_hashes_and_no_index(name: str) -> None:
    assert entries(name)
    loose = [
        entry
        for entry in entries(name)
        if not re.match(r"^[\w.\-\[\]]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry)
    ]
    assert loose == []


def test_development_tests_what_the_layer_ships() -> None:
    shipped = {entry.split(" ")[0] for entry in entries("shared/requirements.txt")}
    for name in ("requirements-local.txt", "requirements-dev.txt"):
        assert shipped <= {entry.split(" ")[0] for entry in entries(name)}
