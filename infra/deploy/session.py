"""What every command begins with: an account that lets us in, the sites of a stage, how fast to go, whom to tell."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from edge.regions import GLOBAL_STACK_REGION
from infra.deploy.aws import Aws
from infra.deploy.emulated import Emulator
from infra.deploy.journal import Journal
from infra.deploy.pace import EMULATOR_POLL_SECONDS, Pace, stoppable_sleep
from infra.deploy.places import GLOBAL, ROOT
from infra.deploy.site import open_site

if TYPE_CHECKING:
    from pathlib import Path

    from edge.regions import Region
    from infra.deploy.display import Progress
    from infra.deploy.places import Names
    from infra.deploy.site import Site

LOCAL_DIR: Final = ROOT / ".local" / "deploy"


@dataclass(frozen=True)
class Session:
    """
    One run of the command line against one account.

    Attributes:
        aws: makes clients.
        names: of the stage.
        account: id of the account.
        pace: of waiting.
        progress: is told what happens.
        local_dir: of journal and reports.
        journal: of the stage.
        emulator: in place of AWS; None for AWS.
        stopping: is set at Ctrl-C.
    """

    aws: Aws
    names: Names
    account: str
    pace: Pace
    progress: Progress
    local_dir: Path
    journal: Journal
    emulator: Emulator | None = None
    stopping: threading.Event = field(default_factory=threading.Event)

    def regional(self, region: Region) -> Site:
        """Return the site of the regional stack."""
        return self._site(region.code, region.aws_region, self.names.stack)

    def once(self) -> Site:
        """Return the site of what exists once."""
        return self._site(GLOBAL, GLOBAL_STACK_REGION.aws_region, self.names.global_stack)

    def _site(self, where: str, aws_region: str, stack: str) -> Site:
        return open_site(
            self.aws,
            self.names,
            where=where,
            aws_region=aws_region,
            stack=stack,
            account=self.account,
            pace=self.pace,
            progress=self.progress,
        )


def open_session(
    names: Names,
    progress: Progress,
    *,
    endpoint_url: str | None,
    profile: str | None,
    local_dir: Path = LOCAL_DIR,
) -> Session:
    """
    Return a session; asks AWS who we are.

    Args:
        names: of the stage.
        progress: is told what happens.
        endpoint_url: of an emulator; None for AWS.
        profile: of the AWS configuration.
        local_dir: of journal and reports.

    Raises:
        botocore.exceptions.BotoCoreError: there are no credentials, or no connection.
        botocore.exceptions.ClientError: AWS does not take the credentials.
    """
    aws = Aws(endpoint_url=endpoint_url, profile=profile)
    stopping = threading.Event()
    pace = Pace(sleep=stoppable_sleep(stopping))
    if endpoint_url is not None:
        pace = Pace(poll_seconds=EMULATOR_POLL_SECONDS, sleep=stoppable_sleep(stopping))
    account = aws.account(GLOBAL_STACK_REGION.aws_region)
    return Session(
        aws,
        names,
        account,
        pace,
        progress,
        local_dir,
        Journal(local_dir / f"{names.stage}.json"),
        None if endpoint_url is None else Emulator(aws, endpoint_url),
        stopping,
    )
