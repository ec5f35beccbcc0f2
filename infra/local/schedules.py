"""
What EventBridge does on AWS: invokes functions by the clock.

The first invocation comes at once, so that a fresh setup need not wait for it. One that is due while the last one runs
stands in the function's queue, where on AWS it would run beside it; a third one is left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from typing import TYPE_CHECKING, Final

from infra.local.sandbox import InvocationError
from infra.template_document import LOCAL_ACCOUNT_ID

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.local.functions import LocalFunction, LocalFunctions
    from infra.template import Schedule

MOST_AT_ONCE: Final = 2


async def run_schedules(schedules: Iterable[Schedule], functions: LocalFunctions, *, aws_region: str) -> None:
    """
    Invoke what is due until cancelled.

    Args:
        schedules: of the region's stack.
        functions: of the region, loaded.
        aws_region: shown in events.
    """
    async with asyncio.TaskGroup() as group:
        for schedule in schedules:
            group.create_task(_run(schedule, functions[schedule.function], aws_region))


async def _run(schedule: Schedule, function: LocalFunction, aws_region: str) -> None:
    under_way: set[asyncio.Task[None]] = set()
    while True:
        if len(under_way) < MOST_AT_ONCE:
            task = asyncio.create_task(_invoke(function, scheduled_event(schedule, aws_region)))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.sleep(schedule.every_seconds)


async def _invoke(function: LocalFunction, event: dict[str, object]) -> None:
    with contextlib.suppress(InvocationError):  # it is in the region's log; nobody waits for an answer
        await function.invoke(event)


def scheduled_event(schedule: Schedule, aws_region: str) -> dict[str, object]:
    """
    Return what the function is invoked with: its own payload, or EventBridge's event.

    Args:
        schedule: that is due.
        aws_region: that it is due in.
    """
    if schedule.payload is not None:
        payload: dict[str, object] = json.loads(schedule.payload)
        return payload
    rule = f"arn:aws:events:{aws_region}:{LOCAL_ACCOUNT_ID}:rule/{schedule.function}{schedule.name}"
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": LOCAL_ACCOUNT_ID,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": aws_region,
        "resources": [rule],
        "detail": {},
    }
