"""Alarms of a stack: which are on, and whether one goes on while a deployment is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from infra.deploy.aws import Client
    from infra.deploy.pace import Pace
    from infra.deploy.stacks import Stacks

TYPES: Final = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
NAMES_PER_CALL: Final = 100


class Alarms:
    """
    Alarms of one stack.

    Args:
        client: of CloudWatch in the region.
        stacks: of the region.
        stack: its name.
        pace: of waiting.
    """

    def __init__(self, client: Client, stacks: Stacks, stack: str, pace: Pace) -> None:
        self._client = client
        self._stacks = stacks
        self._stack = stack
        self._pace = pace

    def ringing(self) -> tuple[str, ...]:
        """Return the logical ids of the alarms that are in state ALARM."""
        if self._stacks.find(self._stack) is None:
            return ()
        by_name = {
            physical: logical
            for logical, kind, physical in self._stacks.resources(self._stack)
            if kind in TYPES
        }
        names = sorted(by_name)
        found: list[str] = []
        for start in range(0, len(names), NAMES_PER_CALL):
            page = self._client.describe_alarms(
                AlarmNames=names[start : start + NAMES_PER_CALL],
                AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                StateValue="ALARM",
                MaxRecords=NAMES_PER_CALL,
            )
            both = [*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())]
            found += [by_name[alarm["AlarmName"]] for alarm in both if alarm["AlarmName"] in by_name]
        return tuple(sorted(found))

    def watch(self, seconds: float, *, known: Collection[str]) -> tuple[str, ...]:
        """
        Watch for *seconds* and return the alarms that went on, at once when there are any.

        Args:
            seconds: 0 looks once.
            known: alarms that were on before and say nothing about this deployment.
        """
        for _ in self._pace.looks(seconds):
            fresh = tuple(name for name in self.ringing() if name not in known)
            if fresh:
                return fresh
        return ()
