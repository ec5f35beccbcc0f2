from __future__ import annotations

import threading

import pytest

from infra.deploy.plan import StackPlan
from infra.deploy.report import Outcome, Result
from infra.deploy.rollout import plan_all, roll_out


class Work:
    """A deployment that ends as it is told, and notes when it began."""

    def __init__(
        self, where: str, log: list[str], result: Result = "deployed", *, fails: bool = False
    ) -> None:
        self.where = where
        self._log = log
        self._result: Result = result
        self._fails = fails

    def plan(self, *, looking_only: bool = False) -> StackPlan:
        assert not looking_only
        if self._fails:
            raise ValueError(self.where)
        return StackPlan(self.where, "stack", "update")

    def apply(self) -> Outcome:
        self._log.append(self.where)
        if self._fails:
            raise ValueError(self.where)
        return Outcome(self.where, self._result)

    def discard(self) -> None:
        self._log.append(f"discard {self.where}")


def results(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.where: outcome.result for outcome in outcomes}


def test_what_exists_once_goes_first_then_the_canary_region_then_the_others() -> None:
    log: list[str] = []
    works = [Work(where, log) for where in ("sfo1", "iad1", "cdg1")]

    outcomes = roll_out(Work("global", log), works, threading.Event())

    assert log[:2] == ["global", "sfo1"] and set(log[2:]) == {"iad1", "cdg1"}
    assert [outcome.where for outcome in outcomes] == ["global", "sfo1", "iad1", "cdg1"]


@pytest.mark.parametrize("failed", ["global", "sfo1"])
def test_failure_stops_the_rollout_and_removes_the_plans_of_the_rest(failed: str) -> None:
    log: list[str] = []
    works = {
        where: Work(where, log, "restored" if where == failed else "deployed")
        for where in ("global", "sfo1", "iad1", "cdg1")
    }
    once, *regional = works.values()

    outcomes = results(roll_out(once, regional, threading.Event()))

    assert outcomes[failed] == "restored"
    assert outcomes["iad1"] == outcomes["cdg1"] == "untouched"
    assert {"discard iad1", "discard cdg1"} <= set(log)
    assert "iad1" not in log and "cdg1" not in log


def test_regions_side_by_side_end_each_by_itself() -> None:
    log: list[str] = []
    works = [Work("sfo1", log), Work("iad1", log, "restored"), Work("cdg1", log)]

    outcomes = roll_out(None, works, threading.Event())

    assert results(outcomes) == {"sfo1": "deployed", "iad1": "restored", "cdg1": "deployed"}


def test_defect_in_one_region_hides_nothing_of_the_others() -> None:
    log: list[str] = []
    works = [Work("sfo1", log), Work("iad1", log, fails=True), Work("cdg1", log)]

    outcomes = {outcome.where: outcome for outcome in roll_out(None, works, threading.Event())}

    assert outcomes["iad1"].result == "broken"
    assert outcomes["iad1"].cause.startswith("A defect of this program: ValueError at ")
    assert outcomes["cdg1"].result == "deployed"


def test_one_plan_that_fails_removes_the_others() -> None:
    log: list[str] = []
    works = [Work("sfo1", log), Work("iad1", log, fails=True)]

    with pytest.raises(ValueError, match="iad1"):
        plan_all(works)

    assert log == ["discard sfo1", "discard iad1"]
