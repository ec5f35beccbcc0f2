"""An emulated account for the built functions: tables, keys of the house, a caller's key, tokens and signatures."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from edge.regions import DEPLOYED
from infra.local.provision import Provision
from infra.template import load_stack
from tests.runtime.pinned import ROOT
from tests.runtime.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def world(ministack_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """What every function finds, as ``make up`` prepares it."""
    provision = Provision(ministack_url, tmp_path_factory.mktemp("house"))
    template, once = ROOT / "template.yaml", ROOT / "infra" / "global.yaml"
    provision.create_tables(
        {region.code: load_stack(template, aws_region=region.aws_region) for region in DEPLOYED},
        load_stack(once, aws_region="us-east-1", stack_name="kaizen-edge-global"),
    )
    with ExitStack() as stack:
        yield World(provision, tmp_path_factory.mktemp("runtime"), stack)
