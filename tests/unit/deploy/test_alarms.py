from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.deploy.fakes import Region


@pytest.fixture
def ringing(region: Region) -> Region:
    """A region whose one alarm is on."""
    region.cloudformation.status = "UPDATE_COMPLETE"
    region.cloudwatch.on = ["alarm-1", "alarm-of-somebody-else"]
    return region


def test_only_alarms_of_the_stack_count(ringing: Region) -> None:
    assert ringing.site.alarms.ringing() == ("HealthErrors",)


def test_alarm_that_is_on_ends_the_watch_at_once(ringing: Region) -> None:
    assert ringing.site.alarms.watch(120.0, known=()) == ("HealthErrors",)
    assert ringing.time.seconds == 0


def test_alarm_that_was_on_before_says_nothing_and_the_watch_is_whole(ringing: Region) -> None:
    assert ringing.site.alarms.watch(120.0, known=("HealthErrors",)) == ()
    assert ringing.time.seconds == 120


def test_alarm_that_goes_on_late_is_seen(ringing: Region) -> None:
    ringing.cloudwatch.on = []
    sleep = ringing.time.sleep

    def sleeping(seconds: float) -> None:
        sleep(seconds)
        if ringing.time.seconds >= 60:
            ringing.cloudwatch.on = ["alarm-1"]

    object.__setattr__(ringing.time.pace, "sleep", sleeping)

    assert ringing.site.alarms.watch(120.0, known=()) == ("HealthErrors",)
    assert ringing.time.seconds == 60


def test_no_stack_has_no_alarms(region: Region) -> None:
    assert region.site.alarms.ringing() == ()
