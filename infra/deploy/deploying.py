"""
``deploy``: build once, plan everything, show it, then roll it out; see :mod:`infra.deploy.rollout` for the order.

Every region must know the URL of every other. URLs are known after the first deployment, so a second pass follows it
that changes this parameter alone; later runs find the URLs and need no second pass. The same way what exists once gets
what it needs of the regions (names, for DNS) at the end.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from edge.regions import DEPLOYED
from infra.deploy.failures import DeployFailed
from infra.deploy.packaging import ENDPOINTS, declared_parameters, replica_regions
from infra.deploy.places import GLOBAL
from infra.deploy.prove import region_proof
from infra.deploy.region import Deployment, Proof
from infra.deploy.report import Report
from infra.deploy.rollout import discard_all, plan_all, roll_out
from infra.deploy.targets import (
    GLOBAL_TEMPLATE,
    check_overrides,
    endpoints_of,
    global_target,
    regional_target,
)
from infra.template_document import load_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge.regions import Region
    from infra.deploy.artifacts import Build
    from infra.deploy.plan import StackPlan
    from infra.deploy.report import Outcome
    from infra.deploy.session import Session
    from infra.deploy.stacks import Stack
    from infra.deploy.targets import Target


class Wishes(NamedTuple):
    """
    What the operator asked for.

    Attributes:
        regions: in the order of the rollout.
        everywhere: all regions, and what exists once; False for some regions alone.
        overrides: parameters.
        watch_seconds: how long the alarms of the first region are watched.
        dry_run: show the plan and change nothing.
        allow_replacement: state may be replaced or removed.
        confirm: is asked before anything changes, and answers whether to go on.
    """

    regions: Sequence[Region]
    everywhere: bool
    overrides: Mapping[str, str]
    watch_seconds: float
    dry_run: bool
    allow_replacement: bool
    confirm: Callable[[], bool]


def deploy(session: Session, build: Build, wishes: Wishes) -> Report | None:
    """
    Deploy; return the report, or None where nothing was to be done (a dry run, or the operator said no).

    Raises:
        DeployFailed: it cannot begin; nothing has changed.
    """
    return _Deploy(session, build, wishes).run()


class _Deploy:
    def __init__(self, session: Session, build: Build, wishes: Wishes) -> None:
        self._session = session
        self._build = build
        self._wishes = wishes
        self._began = session.pace.timestamp()
        self._notes: list[str] = []
        self._release = ""
        self._version = ""

    def run(self) -> Report | None:
        session, wishes = self._session, self._wishes
        check_overrides(self._build, wishes.overrides)
        if unfinished := session.journal.unfinished():
            session.progress.note(
                f"an earlier run did not end in {', '.join(unfinished)}; this one goes on from there"
            )
        if not wishes.everywhere and session.once().stacks.find(session.names.global_stack) is None:
            raise DeployFailed(
                "no_global_stack",
                f"The stack {session.names.global_stack} is not there: deploy everything once (make deploy) before a single region.",
            )
        stacks = self._stacks()
        if wishes.dry_run and not all(self._bucket_is_there(code) for code in self._sites()):
            self._tell_first_deployment()
            return None
        once = self._once(stacks) if wishes.everywhere else None
        regional = self._regional(stacks, "stack")
        works = [*([once] if once is not None else []), *regional]
        plans = plan_all(works, looking_only=wishes.dry_run)
        go_on = False
        try:
            go_on = self._may_go_on(plans)
        finally:
            if not go_on:
                discard_all(works)
        if not go_on:
            return None
        outcomes = roll_out(once, regional, session.stopping)
        if all(outcome.good for outcome in outcomes):
            outcomes += self._endpoints_pass()
        if wishes.everywhere and all(outcome.good for outcome in outcomes):
            outcomes += self._routing_pass()
        return self._report(outcomes)

    def _sites(self) -> list[str]:
        return [GLOBAL, *(region.code for region in self._wishes.regions)]

    def _stacks(self) -> dict[str, Stack | None]:
        session = self._session
        with ThreadPoolExecutor(len(DEPLOYED), thread_name_prefix="look") as pool:
            found = pool.map(lambda r: session.regional(r).stacks.find(session.names.stack), DEPLOYED)
            return {region.code: stack for region, stack in zip(DEPLOYED, found, strict=True)}

    def _bucket_is_there(self, where: str) -> bool:
        session = self._session
        if where == GLOBAL:
            return not self._wishes.everywhere or session.once().bucket.exists()
        (region,) = (region for region in self._wishes.regions if region.code == where)
        return session.regional(region).bucket.exists()

    def _tell_first_deployment(self) -> None:
        """Tell what a first deployment makes; AWS cannot be asked before there is a bucket for the template."""
        note = self._session.progress.note
        note(
            "There is no bucket with artifacts yet, so AWS cannot be asked for a plan. The first deployment makes:"
        )
        made = {self._session.names.stack: self._build.document}
        if self._wishes.everywhere:
            made = {self._session.names.global_stack: load_document(GLOBAL_TEMPLATE), **made}
        for name, document in made.items():
            resources = document["Resources"]
            count = len(resources) if isinstance(resources, dict) else 0
            places = (
                "once"
                if name == self._session.names.global_stack
                else ", ".join(r.code for r in self._wishes.regions)
            )
            note(f"  {name} ({places}): {count} resources of the template")

    def _once(self, stacks: Mapping[str, Stack | None]) -> Deployment:
        session = self._session
        site = session.once()
        target = global_target(
            session,
            site,
            overrides=self._wishes.overrides,
            stack=site.stacks.find(site.stack),
            regional=stacks,
            upload=not self._wishes.dry_run,
        )
        return self._deployment(site.where, target, self._prove_once, "data")

    def _prove_once(self, stack: Stack) -> Proof:
        session = self._session
        if session.emulator is not None:
            replicas = replica_regions(load_document(GLOBAL_TEMPLATE))
            session.emulator.complete_global_tables(session.once().aws_region, stack.name, replicas)
        return Proof()

    def _regional(self, stacks: Mapping[str, Stack | None], what: str) -> list[Deployment]:
        session, wishes = self._session, self._wishes

        def made(region: Region) -> Deployment:
            site = session.regional(region)
            target = regional_target(
                session,
                site,
                self._build,
                overrides=wishes.overrides,
                stack=stacks[region.code],
                endpoints=endpoints_of(stacks),
                upload=not wishes.dry_run,
            )
            self._release, self._version = target.revision.release, target.revision.version
            first = region == wishes.regions[0] and what == "stack"
            prove = region_proof(
                session.aws,
                site,
                secret=f"{session.names.global_stack}-auth",
                stage=session.names.stage,
                watch_seconds=wishes.watch_seconds if first else 0.0,
                known_alarms=site.alarms.ringing(),
                emulator=session.emulator,
                pace=session.pace,
                progress=session.progress,
            )
            return self._deployment(region.code, target, prove, what)

        with ThreadPoolExecutor(len(wishes.regions), thread_name_prefix="prepare") as pool:
            return list(pool.map(made, wishes.regions))

    def _deployment(
        self, where: str, target: Target, prove: Callable[[Stack], Proof], what: str
    ) -> Deployment:
        session = self._session
        site = (
            session.once()
            if where == GLOBAL
            else session.regional(next(region for region in DEPLOYED if region.code == where))
        )
        return Deployment(
            site,
            target.revision,
            target.tags,
            prove=prove,
            pace=session.pace,
            progress=session.progress,
            journal=session.journal,
            what=what,
        )

    def _may_go_on(self, plans: Sequence[StackPlan]) -> bool:
        session, wishes = self._session, self._wishes
        for plan in plans:
            for line in plan.lines():
                session.progress.note(line)
        dangers = [f"{plan.where}: {change.logical_id}" for plan in plans for change in plan.dangers]
        if dangers and not wishes.allow_replacement and not wishes.dry_run:
            raise DeployFailed(
                "stateful",
                f"State would be replaced or removed ({'; '.join(dangers)}): nothing was changed. --allow-replacement goes on.",
            )
        if wishes.dry_run:
            return False
        return all(plan.kind == "none" for plan in plans) or wishes.confirm()

    def _endpoints_pass(self) -> list[Outcome]:
        """Tell every region the others' URLs, where they are not what it was told."""
        if ENDPOINTS in self._wishes.overrides or ENDPOINTS not in declared_parameters(self._build.document):
            return []
        stacks = self._stacks()
        endpoints = endpoints_of(stacks)
        unaware = [
            code for code, stack in stacks.items() if stack and stack.parameters.get(ENDPOINTS) != endpoints
        ]
        mine = [region.code for region in self._wishes.regions if region.code in unaware]
        if others := [code for code in unaware if code not in mine]:
            self._notes.append(f"{', '.join(others)} do not know all endpoints: run make deploy")
        if not mine:
            return []
        self._session.progress.note("endpoints have changed: telling every region")
        works = [work for work in self._regional(stacks, "endpoints") if work.where in mine]
        plan_all(works)
        return roll_out(None, works, self._session.stopping)

    def _routing_pass(self) -> list[Outcome]:
        """Give what exists once what it needs of the regions, where that has changed."""
        site = self._session.once()
        before = site.stacks.find(site.stack)
        work = self._once(self._stacks())
        plan = work.plan()
        if plan.kind == "none" or before is None:
            work.discard()
            return []
        if plan.dangers and not self._wishes.allow_replacement:
            work.discard()
            self._notes.append(
                f"routing was not updated: {', '.join(c.logical_id for c in plan.dangers)} would be replaced"
            )
            return []
        return roll_out(work, [], self._session.stopping)

    def _report(self, outcomes: Sequence[Outcome]) -> Report:
        session = self._session
        return Report(
            "deploy",
            session.names.stage,
            self._version,
            self._release,
            self._began,
            session.pace.timestamp(),
            outcomes,
            self._notes,
        )
