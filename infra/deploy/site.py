"""One region, or what exists once, as a deployment works on it: its stack, its change sets, its bucket, its alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from infra.deploy.alarms import Alarms
from infra.deploy.bucket import Bucket
from infra.deploy.changesets import ChangeSets
from infra.deploy.history import History
from infra.deploy.stacks import Stacks

if TYPE_CHECKING:
    from infra.deploy.aws import Aws
    from infra.deploy.display import Progress
    from infra.deploy.pace import Pace
    from infra.deploy.places import Names


class Site(NamedTuple):
    """
    Where a stack is, and what acts on it there.

    Attributes:
        where: code of the region, or ``global``.
        aws_region: AWS's name of the region.
        stack: name of the stack.
        stacks: of the region.
        change_sets: of the region.
        bucket: with artifacts.
        history: of the stack.
        alarms: of the stack.
    """

    where: str
    aws_region: str
    stack: str
    stacks: Stacks
    change_sets: ChangeSets
    bucket: Bucket
    history: History
    alarms: Alarms


def open_site(
    aws: Aws,
    names: Names,
    *,
    where: str,
    aws_region: str,
    stack: str,
    account: str,
    pace: Pace,
    progress: Progress,
) -> Site:
    """Return the site of *stack* in *aws_region*; nothing is asked of AWS yet."""
    cloudformation = aws.client("cloudformation", aws_region)
    stacks = Stacks(cloudformation, where, pace, progress)
    bucket = Bucket(
        aws.client("s3", aws_region),
        names.bucket(account, aws_region),
        account=account,
        aws_region=aws_region,
    )
    return Site(
        where,
        aws_region,
        stack,
        stacks,
        ChangeSets(cloudformation, stacks, where, pace),
        bucket,
        History(bucket, stack),
        Alarms(aws.client("cloudwatch", aws_region), stacks, stack, pace),
    )
