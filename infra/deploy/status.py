"""``status``: what runs where, which alarms are on, and whether the regions run the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from infra.deploy.packaging import ENDPOINTS
from infra.deploy.prove import API_OUTPUT
from infra.deploy.targets import endpoints_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge.regions import Region
    from infra.deploy.session import Session
    from infra.deploy.site import Site
    from infra.deploy.stacks import Stack


class RegionStatus(NamedTuple):
    """
    What one stack is.

    Attributes:
        where: code of the region, or ``global``.
        stack: its name.
        status: of CloudFormation, or ``absent``.
        version: that it runs, for people.
        release: that it runs; empty where this tool did not deploy it.
        endpoint: URL; empty if there is none.
        alarms: that are on.
        last_deployed: when this tool last did.
    """

    where: str
    stack: str
    status: str
    version: str = ""
    release: str = ""
    endpoint: str = ""
    alarms: tuple[str, ...] = ()
    last_deployed: str = ""


class Status(NamedTuple):
    """
    What a stage is.

    Attributes:
        regions: what exists once, then each region.
        drift: a line for each way in which the regions differ.
        unfinished: where a run on this machine has not ended.
    """

    regions: Sequence[RegionStatus]
    drift: Sequence[str]
    unfinished: Sequence[str]

    def document(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "regions": [found._asdict() for found in self.regions],
            "drift": list(self.drift),
            "unfinished": list(self.unfinished),
        }

    def text(self) -> str:
        """Return it for people."""
        headings = ("WHERE", "STATUS", "VERSION", "RELEASE", "LAST DEPLOYED", "ENDPOINT", "ALARMS")
        rows = [headings] + [
            (
                found.where,
                found.status,
                found.version,
                found.release,
                found.last_deployed,
                found.endpoint,
                ", ".join(found.alarms),
            )
            for found in self.regions
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(headings))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines += [f"drift: {line}" for line in self.drift]
        if self.unfinished:
            lines.append(f"a run did not end in {', '.join(self.unfinished)}: make deploy goes on from there")
        return "\n".join(lines)


def read_status(session: Session, regions: Sequence[Region]) -> Status:
    """Ask every region side by side."""
    sites = [session.once(), *(session.regional(region) for region in regions)]
    with ThreadPoolExecutor(len(sites), thread_name_prefix="status") as pool:
        found = list(pool.map(_look, sites))
    stacks = {site.where: stack for site, (_, stack) in zip(sites, found, strict=True)}
    statuses = [status for status, _ in found]
    return Status(statuses, drift_of(statuses[1:], stacks), session.journal.unfinished())


def drift_of(regions: Sequence[RegionStatus], stacks: Mapping[str, Stack | None]) -> list[str]:
    """Return how regions differ: versions, releases, missing stacks, endpoints that one does not know."""
    there = [found for found in regions if found.status != "absent"]
    lines = [f"{found.where} has no stack" for found in regions if found.status == "absent" and there]
    for name in ("version", "release"):
        values: dict[str, list[str]] = {}
        for found in there:
            values.setdefault(getattr(found, name) or "unknown", []).append(found.where)
        if len(values) > 1:
            said = "; ".join(f"{value} in {', '.join(where)}" for value, where in sorted(values.items()))
            lines.append(f"{name}s differ: {said}")
    endpoints = endpoints_of({found.where: stacks.get(found.where) for found in regions})
    unaware = [
        found.where
        for found in there
        if (stack := stacks.get(found.where)) is not None
        and stack.parameters.get(ENDPOINTS, endpoints) != endpoints
    ]
    if unaware and len(there) == len(regions):
        lines.append(f"{', '.join(unaware)} do not know all endpoints")
    return lines


def _look(site: Site) -> tuple[RegionStatus, Stack | None]:
    stack = site.stacks.find(site.stack)
    if stack is None:
        return RegionStatus(site.where, site.stack, "absent"), None
    entries = site.history.entries() if site.bucket.exists() else []
    last = entries[-1] if entries else None
    status = RegionStatus(
        site.where,
        site.stack,
        stack.status,
        stack.parameters.get("Version", ""),
        last.revision.release if last else "",
        stack.outputs.get(API_OUTPUT, ""),
        site.alarms.ringing(),
        last.at if last else "",
    )
    return status, stack
