"""What is destroyed is what was named and confirmed, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from edge.regions import CANARY_REGION
from infra.deploy.destroy import destroy
from infra.deploy.failures import DeployFailed

if TYPE_CHECKING:
    from infra.deploy.session import Session
    from tests.unit.deploy.fakes import Region


def session_of(region: Region, stage: str) -> Session:
    """A session whose regional stack is the fake one, which is tagged ``production``."""
    region.cloudformation.status = "CREATE_COMPLETE"
    region.cloudformation.parameters = {"Stage": "production"}
    return cast(
        "Session",
        SimpleNamespace(
            names=SimpleNamespace(stage=stage),
            progress=region.told,
            journal=SimpleNamespace(end=lambda _where: None),
            regional=lambda _region: region.site,
            once=lambda: region.site,
        ),
    )


def test_stack_of_another_stage_is_refused_before_anybody_is_asked(region: Region) -> None:
    """``--stage development --stack kaizen-edge`` asks for the word "development", and would delete production."""

    def never(_stage: str) -> bool:
        raise AssertionError("asked")

    with pytest.raises(DeployFailed, match="the stack kaizen-edge is of stage production, not development"):
        destroy(session_of(region, "development"), [CANARY_REGION], everywhere=False, confirm=never)

    assert region.cloudformation.calls == []
    assert region.s3.calls == []


def test_wrong_word_deletes_nothing(region: Region) -> None:
    asked: list[str] = []

    def refuse(stage: str) -> bool:
        asked.append(stage)
        return False

    session = session_of(region, "production")

    assert not destroy(session, [CANARY_REGION], everywhere=False, confirm=refuse)
    assert asked == ["production"]
    assert (region.cloudformation.calls, region.s3.calls) == ([], [])


def test_stack_goes_when_its_own_stage_is_confirmed(region: Region) -> None:
    assert destroy(session_of(region, "production"), [CANARY_REGION], everywhere=False, confirm=bool)
    assert region.cloudformation.calls == ["delete_stack"]
