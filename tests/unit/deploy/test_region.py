from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.deploy.failures import DeployFailed
from infra.deploy.journal import Journal
from infra.deploy.packaging import Revision
from infra.deploy.region import Deployment, Proof

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from infra.deploy.stacks import Stack
    from tests.unit.deploy.fakes import Region

OLD = Revision("templates/old.template", {"Version": "1"}, "1", "release-1")
NEW = Revision("templates/new.template", {"Version": "2"}, "2", "release-2")
TAGS = {"stage": "production"}


class Proofs:
    """Finds what it is told to, run by run; nothing afterwards."""

    def __init__(self, *found: Sequence[str]) -> None:
        self.found = list(found)
        self.asked = 0

    def __call__(self, stack: Stack) -> Proof:
        self.asked += 1
        assert stack.name == "kaizen-edge"
        return Proof(tuple(self.found.pop(0)) if self.found else ())


def deployment(
    region: Region, directory: Path, *, to: Revision = NEW, prove: Proofs | None = None
) -> Deployment:
    return Deployment(
        region.site,
        to,
        TAGS,
        prove=prove or Proofs(),
        pace=region.time.pace,
        progress=region.told,
        journal=Journal(directory / "production.json"),
    )


def has(region: Region, revision: Revision) -> bool:
    """Tell whether the stack is at *revision*."""
    fake = region.cloudformation
    return (fake.body, fake.parameters) == (
        region.site.bucket.url(revision.template_key),
        revision.parameters,
    )


def deployed(region: Region, directory: Path, revision: Revision) -> None:
    work = deployment(region, directory, to=revision)
    work.plan()
    assert work.apply().result == "deployed"
    assert has(region, revision)


def test_new_stack_is_created_tested_and_remembered(region: Region, tmp_path: Path) -> None:
    prove = Proofs()
    work = deployment(region, tmp_path, prove=prove)

    assert work.plan().kind == "create"
    outcome = work.apply()

    assert (outcome.result, outcome.endpoint, prove.asked) == ("deployed", "https://api.test", 1)
    assert [entry.revision for entry in region.site.history.entries()] == [NEW]
    assert Journal(tmp_path / "production.json").unfinished() == ()


def test_what_has_no_change_is_tested_and_not_executed(region: Region, tmp_path: Path) -> None:
    deployed(region, tmp_path, NEW)
    region.cloudformation.calls.clear()
    prove = Proofs()
    work = deployment(region, tmp_path, prove=prove)

    assert work.plan().kind == "none"
    assert work.apply().result == "unchanged"
    assert prove.asked == 1
    assert "execute_change_set" not in region.cloudformation.calls


def test_failed_smoke_test_brings_back_what_was_there(region: Region, tmp_path: Path) -> None:
    deployed(region, tmp_path, OLD)
    before = region.cloudformation.parameters
    work = deployment(region, tmp_path, prove=Proofs(["GET /live: status 500"]))
    work.plan()

    outcome = work.apply()

    assert (outcome.result, outcome.cause) == ("restored", "GET /live: status 500")
    assert region.cloudformation.parameters == before
    assert [entry.revision for entry in region.site.history.entries()] == [OLD]
    assert Journal(tmp_path / "production.json").unfinished() == ()


def test_failed_smoke_test_of_a_first_version_removes_the_stack_and_names_what_stays(
    region: Region, tmp_path: Path
) -> None:
    work = deployment(region, tmp_path, prove=Proofs(["bad"]))
    work.plan()

    outcome = work.apply()

    assert outcome.result == "removed"
    assert region.cloudformation.status == "DELETE_COMPLETE"
    assert outcome.notes == ("kept, and taken over by the next deployment: kaizen-edge-rate-windows",)


def test_failure_in_cloudformation_tells_the_first_cause(region: Region, tmp_path: Path) -> None:
    deployed(region, tmp_path, OLD)
    region.cloudformation.outcomes = ["UPDATE_ROLLBACK_COMPLETE"]
    prove = Proofs()
    work = deployment(region, tmp_path, prove=prove)
    work.plan()

    outcome = work.apply()

    assert outcome.result == "restored"
    assert "HealthFunction UPDATE_FAILED: the role may not" in outcome.cause
    assert "cancelled" not in outcome.cause
    assert ("sfo1", "HealthFunction", "UPDATE_FAILED", "the role may not") in region.told.resources


def test_failed_first_creation_is_deleted(region: Region, tmp_path: Path) -> None:
    region.cloudformation.outcomes = ["ROLLBACK_COMPLETE"]
    work = deployment(region, tmp_path)
    work.plan()

    assert work.apply().result == "removed"
    assert region.cloudformation.status == "DELETE_COMPLETE"


def test_what_cannot_be_taken_back_is_broken_and_stays_open(region: Region, tmp_path: Path) -> None:
    deployed(region, tmp_path, OLD)
    region.cloudformation.outcomes = ["UPDATE_ROLLBACK_FAILED"]
    work = deployment(region, tmp_path)
    work.plan()

    outcome = work.apply()

    assert outcome.result == "broken"
    assert "waits for a person" in outcome.notes[0]
    assert Journal(tmp_path / "production.json").unfinished() == ("sfo1",)


def test_a_restored_region_that_is_still_bad_says_so(region: Region, tmp_path: Path) -> None:
    deployed(region, tmp_path, OLD)
    work = deployment(region, tmp_path, prove=Proofs(["bad"], ["worse"]))
    work.plan()

    assert work.apply().notes == ("after it was taken back: worse",)


def test_stack_that_takes_too_long_is_left_to_the_next_run(region: Region, tmp_path: Path) -> None:
    deployed(region, tmp_path, OLD)
    region.cloudformation.looks = 10_000
    work = deployment(region, tmp_path)
    work.plan()

    outcome = work.apply()

    assert outcome.result == "broken" and "still at work" in outcome.cause
    assert region.cloudformation.status == "UPDATE_IN_PROGRESS", "nothing was taken back"
    assert region.time.seconds < 100


def test_next_run_waits_for_a_stack_in_progress_and_goes_back_to_what_was_before_the_first(
    region: Region, tmp_path: Path
) -> None:
    deployed(region, tmp_path, OLD)
    dies = deployment(region, tmp_path)
    dies.plan()
    region.cloudformation.looks = 10_000
    dies.apply()  # as if this machine had gone
    region.cloudformation._pending = (3, "UPDATE_COMPLETE")  # the new version arrives without us
    region.cloudformation.looks = 1

    work = deployment(region, tmp_path, prove=Proofs(["bad"]))
    assert work.plan().kind == "none"
    outcome = work.apply()

    assert outcome.result == "restored"
    assert region.cloudformation.parameters == OLD.parameters
    assert ("sfo1", "waiting: kaizen-edge is UPDATE_IN_PROGRESS") in region.told.steps


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "CREATE_FAILED"])
def test_creation_that_came_to_nothing_is_removed_and_made_again(
    region: Region, tmp_path: Path, status: str
) -> None:
    region.cloudformation.status = status
    work = deployment(region, tmp_path)

    assert work.plan().kind == "create"
    assert region.cloudformation.calls[0] == "delete_stack"
    assert work.apply().result == "deployed"


def test_rolled_back_update_can_be_updated(region: Region, tmp_path: Path) -> None:
    deployed(region, tmp_path, OLD)
    region.cloudformation.status = "UPDATE_ROLLBACK_COMPLETE"
    work = deployment(region, tmp_path)

    assert work.plan().kind == "update"
    assert work.apply().result == "deployed"


def test_stack_that_waits_for_a_person_stops_before_anything(region: Region, tmp_path: Path) -> None:
    deployed(region, tmp_path, OLD)
    region.cloudformation.status = "UPDATE_ROLLBACK_FAILED"

    with pytest.raises(DeployFailed, match="waits for a person"):
        deployment(region, tmp_path).plan()


def test_looking_only_touches_nothing(region: Region, tmp_path: Path) -> None:
    region.cloudformation.status = "ROLLBACK_COMPLETE"

    plan = deployment(region, tmp_path).plan(looking_only=True)

    assert plan.kind == "create"
    assert region.cloudformation.calls == [] and region.s3.objects == {}


def test_discarded_plan_of_a_new_stack_leaves_no_empty_stack(region: Region, tmp_path: Path) -> None:
    work = deployment(region, tmp_path)
    work.plan()
    assert region.cloudformation.status == "REVIEW_IN_PROGRESS"

    work.discard()

    assert region.cloudformation.calls[-2:] == ["delete_change_set", "delete_stack"]


def test_plan_that_cloudformation_refuses_is_told(region: Region, tmp_path: Path) -> None:
    deployed(region, tmp_path, OLD)
    region.cloudformation.plan_reason = "Parameter 'X' must be one of"

    with pytest.raises(
        DeployFailed, match="sfo1: CloudFormation cannot plan kaizen-edge: Parameter 'X' must"
    ):
        deployment(region, tmp_path).plan()


def test_rollback_goes_further_back_each_time_and_never_to_what_was_fled_from(
    region: Region, tmp_path: Path
) -> None:
    history = region.site.history
    third = Revision("templates/third.template", {"Version": "3"}, "3", "release-3")
    for revision in (OLD, NEW, third):
        deployed(region, tmp_path, revision)

    for expected in (NEW, OLD):
        entry = history.previous()
        assert entry is not None and entry.revision == expected
        work = Deployment(
            region.site,
            entry.revision,
            entry.tags,
            prove=Proofs(),
            pace=region.time.pace,
            progress=region.told,
            journal=Journal(tmp_path / "production.json"),
            how="rollback",
        )
        work.plan()
        assert work.apply().result == "deployed"
    assert history.previous() is None


def test_history_of_another_program_is_no_history(region: Region) -> None:
    region.s3.objects["history/kaizen-edge.json"] = json.dumps({"deployments": [{"at": 1}]}).encode()

    assert region.site.history.entries() == []
    assert region.site.history.previous() is None
