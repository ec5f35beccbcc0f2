from __future__ import annotations

from infra.deploy.stacks import Stack
from infra.deploy.status import RegionStatus, Status, drift_of
from infra.deploy.targets import endpoints_of

ENDPOINTS = "iad1=https://i,sfo1=https://s"


def stack(url: str, endpoints: str = ENDPOINTS) -> Stack:
    return Stack(
        "kaizen-edge", "arn", "UPDATE_COMPLETE", "", {"Endpoints": endpoints}, {"ApiUrl": url}, {}, ""
    )


def region(
    code: str, version: str = "1", release: str = "r", status: str = "UPDATE_COMPLETE"
) -> RegionStatus:
    return RegionStatus(code, "kaizen-edge", status, version, release)


STACKS: dict[str, Stack | None] = {"sfo1": stack("https://s"), "iad1": stack("https://i")}


def test_regions_that_run_the_same_do_not_drift() -> None:
    assert drift_of([region("sfo1"), region("iad1")], STACKS) == []


def test_each_way_to_differ_is_a_line() -> None:
    assert drift_of([region("sfo1", "2", "q"), region("iad1")], STACKS) == [
        "versions differ: 1 in iad1; 2 in sfo1",
        "releases differ: q in sfo1; r in iad1",
    ]
    absent = region("cdg1", status="absent")
    assert drift_of([region("sfo1"), absent], STACKS) == ["cdg1 has no stack"]
    unaware = STACKS | {"iad1": stack("https://i", "iad1=https://old")}
    assert drift_of([region("sfo1"), region("iad1")], unaware) == ["iad1 do not know all endpoints"]


def test_nothing_deployed_is_no_drift() -> None:
    assert drift_of([region("sfo1", status="absent")], {}) == []


def test_endpoints_are_in_the_order_of_the_catalogue() -> None:
    assert endpoints_of(STACKS | {"cdg1": None}) == ENDPOINTS


def test_status_is_a_table_with_what_is_remarkable_below() -> None:
    text = Status([region("sfo1")], ["versions differ: …"], ("sfo1",)).text().splitlines()

    assert text[0].split() == [
        "WHERE",
        "STATUS",
        "VERSION",
        "RELEASE",
        "LAST",
        "DEPLOYED",
        "ENDPOINT",
        "ALARMS",
    ]
    assert text[1].split() == ["sfo1", "UPDATE_COMPLETE", "1", "r"]
    assert text[2:] == [
        "drift: versions differ: …",
        "a run did not end in sfo1: make deploy goes on from there",
    ]
