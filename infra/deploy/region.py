"""
The deployment of one stack: planned, executed, proved, and taken back when it does not prove good.

What it was before is noted before it is touched. A failure in CloudFormation is taken back by CloudFormation itself; a
failure of the smoke test, or an alarm, by deploying again what was there, or by deleting a stack that was not.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy.failures import DeployFailed, told
from infra.deploy.history import Entry
from infra.deploy.journal import Before
from infra.deploy.packaging import Revision, template_key
from infra.deploy.plan import StackPlan
from infra.deploy.report import Outcome
from infra.deploy.stacks import DEAD, GOOD
from infra.template_document import load_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.deploy.display import Progress
    from infra.deploy.journal import Journal
    from infra.deploy.pace import Pace
    from infra.deploy.report import Result
    from infra.deploy.site import Site
    from infra.deploy.stacks import Stack


class Proof(NamedTuple):
    """
    What was found out about a stack after its deployment.

    Attributes:
        problems: a line each; the deployment is good if there are none.
        notes: what else an operator should know.
    """

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def no_proof(_stack: Stack) -> Proof:
    """Find nothing: what exists once has no endpoint of its own."""
    return Proof()


class Deployment:
    """
    Brings one stack to a revision.

    Args:
        site: of the stack.
        revision: what it is brought to.
        tags: of the stack.
        prove: tests the deployed stack.
        pace: of waiting.
        progress: is told what happens.
        journal: remembers what was before.
        how: deploy or rollback, for the history.
        what: which pass of the rollout.

    Attributes:
        where: code of the region, or ``global``.
    """

    def __init__(
        self,
        site: Site,
        revision: Revision,
        tags: Mapping[str, str],
        *,
        prove: Callable[[Stack], Proof],
        pace: Pace,
        progress: Progress,
        journal: Journal,
        how: str = "deploy",
        what: str = "stack",
    ) -> None:
        self.where = site.where
        self._site = site
        self._revision = revision
        self._tags = tags
        self._prove = prove
        self._pace = pace
        self._progress = progress
        self._journal = journal
        self._how = how
        self._what = what
        self._plan: StackPlan | None = None
        self._before: Before | None = None

    def plan(self, *, looking_only: bool = False) -> StackPlan:
        """
        Ask what would change.

        Args:
            looking_only: nothing is waited for, removed or kept for later, as in a dry run.

        Raises:
            DeployFailed: CloudFormation does not take it, or the stack waits for a person.
        """
        site = self._site
        self._progress.step(self.where, "planning")
        if looking_only:
            now = site.stacks.find(site.stack)
            if now is not None and now.status in DEAD:
                return StackPlan(self.where, site.stack, "create")
        else:
            now = site.stacks.settled(site.stack)
            self._before = self._journal.before(self.where) or self._snapshot(now)
        url = site.bucket.url(self._revision.template_key)
        self._plan = site.change_sets.plan(site.stack, now, self._revision, url, self._tags)
        self._progress.step(self.where, "planned")
        return self._plan

    def discard(self) -> None:
        """Remove the plan without executing it."""
        if self._plan is not None:
            self._site.change_sets.discard(self._plan)

    def apply(self) -> Outcome:
        """Execute the plan and prove the result; never raises for what AWS or the new version does."""
        began, start = self._pace.now(), self._pace.monotonic()

        def outcome(
            result: Result, cause: str = "", notes: tuple[str, ...] = (), endpoint: str = ""
        ) -> Outcome:
            self._progress.step(self.where, f"{result}{': ' if cause else ''}{cause}")
            seconds = self._pace.monotonic() - start
            return Outcome(self.where, result, cause, notes, began, seconds, endpoint, self._what)

        plan, before = self._plan, self._before
        if plan is None or before is None:
            return outcome("untouched", "it was not planned")
        try:
            self._journal.begin(self.where, before, self._pace.timestamp())
            stack = self._execute(plan)
            self._progress.step(self.where, "testing")
            self._journal.step(self.where, "testing")
            proof = self._prove(stack)
        except (DeployFailed, ClientError, BotoCoreError) as error:
            reason, cause = told(error)
            if reason == "timeout":  # it may yet come to a good end; the next run waits for it
                return outcome("broken", cause)
            proof, stack = Proof((cause,)), None
        if stack is not None and not proof.problems:
            entry = Entry(self._revision, self._tags, self._pace.timestamp(), self._how)
            if self._how == "rollback":
                self._site.history.leave_last()
            self._site.history.add(entry)
            self._journal.end(self.where)
            result: Result = "unchanged" if plan.kind == "none" else "deployed"
            return outcome(result, "", proof.notes, stack.outputs.get("ApiUrl", ""))
        cause = "; ".join(proof.problems)
        self._progress.step(self.where, f"failed: {cause}")
        taken_back, notes = self._take_back(before)
        return outcome(taken_back, cause, proof.notes + notes)

    def _snapshot(self, stack: Stack | None) -> Before:
        """Keep the template that the stack has, so that it can be deployed again."""
        if stack is None:
            return Before(None)
        text = self._site.stacks.template(self._site.stack)
        key = template_key(text)
        self._site.bucket.put(key, text.encode)
        return Before(Revision(key, stack.parameters, stack.parameters.get("Version", "")), stack.tags)

    def _execute(self, plan: StackPlan) -> Stack:
        site = self._site
        if plan.kind != "none":
            self._progress.step(
                self.where, f"{'creating' if plan.kind == 'create' else 'updating'} {site.stack}"
            )
            return site.change_sets.execute(plan)
        stack = site.stacks.find(site.stack)
        if stack is None:
            raise DeployFailed("stack_gone", f"{self.where}: {site.stack} was deleted by somebody else.")
        return stack

    def _take_back(self, before: Before) -> tuple[Result, tuple[str, ...]]:
        """Bring the stack to what it was; return how that went."""
        self._journal.step(self.where, "taking back")
        try:
            result, notes = self._restore(before) if before.revision is not None else self._remove()
        except (DeployFailed, ClientError, BotoCoreError) as error:
            return "broken", (f"could not be taken back: {told(error)[1]}",)
        self._journal.end(self.where)
        return result, notes

    def _restore(self, before: Before) -> tuple[Result, tuple[str, ...]]:
        site, revision = self._site, before.revision
        assert revision is not None  # noqa: S101 - the caller has looked
        stack = site.stacks.settled(site.stack)
        plan = site.change_sets.plan(
            site.stack, stack, revision, site.bucket.url(revision.template_key), before.tags
        )
        if plan.kind != "none":
            self._progress.step(self.where, "taking back: deploying what was there before")
            stack = site.change_sets.execute(plan)
        if stack is None or not (stack.status in GOOD or stack.status == "UPDATE_ROLLBACK_COMPLETE"):
            return "broken", (f"{site.stack} is not what it was",)
        proof = self._prove(stack)
        notes = tuple(f"after it was taken back: {problem}" for problem in proof.problems)
        return "restored", notes

    def _remove(self) -> tuple[Result, tuple[str, ...]]:
        site = self._site
        stack = site.stacks.find(site.stack)
        if stack is None:
            return "removed", ()
        kept = retained(site, stack)
        self._progress.step(self.where, f"taking back: deleting {site.stack}")
        site.stacks.delete(stack)
        notes = (f"kept, and taken over by the next deployment: {', '.join(kept)}",) if kept else ()
        return "removed", notes


def retained(site: Site, stack: Stack) -> tuple[str, ...]:
    """Return the physical ids of what stays when the stack is deleted: what its template says is to be retained."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "template.yaml"
        path.write_text(site.stacks.template(stack.id), "utf-8")
        declared = load_document(path)["Resources"]
    if stack.status.startswith("ROLLBACK") or not isinstance(declared, dict):
        return ()
    keeps = {name for name, found in declared.items() if found.get("DeletionPolicy") == "Retain"}
    return tuple(physical for logical, _, physical in site.stacks.resources(stack.id) if logical in keeps)
