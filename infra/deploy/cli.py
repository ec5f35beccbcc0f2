"""
The command line. Exit codes: 0 done, 1 refused or failed (one line on standard error says why), 2 wrong usage.

Before something changes it asks, if it can be answered: on a terminal, without ``--yes``. In a pipe `deploy` and `rollback`
go on, as CI needs it; `destroy` never does without ``--yes``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.regions import DEPLOYED
from edge.settings import STAGES
from infra.deploy.artifacts import BUILD_DIR, machine_architecture, make_build, read_build
from infra.deploy.deploying import Wishes, deploy
from infra.deploy.destroy import destroy
from infra.deploy.display import Lines, shown_progress
from infra.deploy.failures import DeployFailed, told
from infra.deploy.places import Names, pairs, rollout_order
from infra.deploy.prove import WATCH_SECONDS
from infra.deploy.report import write_report
from infra.deploy.rollback import roll_back
from infra.deploy.session import LOCAL_DIR, open_session
from infra.deploy.status import read_status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infra.deploy.display import Progress
    from infra.deploy.report import Report
    from infra.deploy.session import Session

EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2

ARCHITECTURES: Final = ("arm64", "x86_64")


def main(argv: Sequence[str]) -> int:
    """
    Run one command and return the exit code.

    Args:
        argv: without the program's name.
    """
    try:
        arguments = make_parser().parse_args(argv)
    except SystemExit as ended:  # argparse has told why, or has shown the help
        return EXIT_DONE if ended.code in (None, 0) else EXIT_USAGE
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except Exception as error:  # the edge: what is told of a defect is its place, never its text
        reason, message = told(error)
        if arguments.json:
            print(json.dumps({"error": {"reason": reason, "message": message}}), file=sys.stderr)
        else:
            print(f"error: {message}", file=sys.stderr)
        return EXIT_USAGE if reason == "usage" else EXIT_FAILED


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses has the function to call as ``command``."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.deploy",
        description="Deploys Kaizen Edge to every region: the canary region first, and back on failure.",
        epilog="docs/deploy.md tells the rest. Exit codes: 0 done, 1 failed, 2 wrong usage.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = _common()
    _add_deploy(commands, common)
    for name, command, about in (
        ("rollback", _roll_back, "go back to the release that was deployed before"),
        ("status", _status, "what runs where, and whether the regions run the same"),
        ("destroy", _destroy, "delete the stacks; tables and the secret stay"),
    ):
        added = commands.add_parser(name, parents=[common], help=about, description=about, allow_abbrev=False)
        added.set_defaults(command=command)
    return parser


def _add_deploy(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    about = "build once, show the plan, roll it out"
    parser = commands.add_parser(
        "deploy", parents=[common], help=about, description=about, allow_abbrev=False
    )
    parser.set_defaults(command=_deploy)
    parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
    parser.add_argument(
        "--allow-replacement",
        action="store_true",
        help="even if a table, the secret or the API is replaced or removed",
    )
    parser.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="a parameter of the regional stack"
    )
    parser.add_argument(
        "--architecture",
        choices=ARCHITECTURES,
        help="of the functions (arm64; this machine's with --endpoint-url)",
    )
    parser.add_argument("--build-dir", type=Path, help="deploy what lies there and build nothing")
    parser.add_argument(
        "--watch-seconds",
        type=float,
        metavar="SECONDS",
        help=f"how long the canary region's alarms are watched ({WATCH_SECONDS:.0f}; 0 with --endpoint-url)",
    )


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    common.add_argument(
        "--region",
        action="append",
        default=[],
        choices=[region.code for region in DEPLOYED],
        help="a region alone; may be given again (all)",
    )
    common.add_argument("--stage", choices=STAGES, default="production", help="(%(default)s)")
    common.add_argument(
        "--stack", help="the regional stack (kaizen-edge, with the stage's name if not production)"
    )
    common.add_argument("--global-stack", help="(the regional stack's name and -global)")
    common.add_argument("--endpoint-url", metavar="URL", help="of an emulator, in place of AWS")
    common.add_argument("--profile", help="of the AWS configuration")
    common.add_argument("--yes", action="store_true", help="do not ask")
    common.add_argument("--json", action="store_true", help="status and failures as JSON")
    common.add_argument("--local-dir", type=Path, default=LOCAL_DIR, help=argparse.SUPPRESS)
    return common


def _session(arguments: argparse.Namespace, progress: Progress) -> Session:
    names = Names.of(arguments.stage, stack=arguments.stack, global_stack=arguments.global_stack)
    return open_session(
        names,
        progress,
        endpoint_url=arguments.endpoint_url,
        profile=arguments.profile,
        local_dir=arguments.local_dir,
    )


def _deploy(arguments: argparse.Namespace) -> int:
    emulated = arguments.endpoint_url is not None
    overrides = pairs(arguments.set)
    _session(arguments, Lines())  # who we are is asked before minutes of building
    if arguments.build_dir is None:
        make_build(arguments.architecture or (machine_architecture() if emulated else "arm64"))
    build = read_build(arguments.build_dir or BUILD_DIR)
    watch = arguments.watch_seconds
    with shown_progress() as progress:
        wishes = Wishes(
            rollout_order(arguments.region),
            not arguments.region,
            overrides,
            watch if watch is not None else 0.0 if emulated else WATCH_SECONDS,
            arguments.dry_run,
            arguments.allow_replacement,
            lambda: _agreed(progress, "Deploy this?", asked_for=not arguments.yes),
        )
        report = deploy(_session(arguments, progress), build, wishes)
    if report is None:
        print("nothing was changed")
        return EXIT_DONE if arguments.dry_run else EXIT_FAILED
    return _told(report, arguments)


def _roll_back(arguments: argparse.Namespace) -> int:
    with shown_progress() as progress:
        report = roll_back(
            _session(arguments, progress),
            rollout_order(arguments.region),
            lambda: _agreed(progress, "Roll back to this?", asked_for=not arguments.yes),
        )
    if report is None:
        print("nothing was changed")
        return EXIT_FAILED
    return _told(report, arguments)


def _told(report: Report, arguments: argparse.Namespace) -> int:
    path = write_report(report, arguments.local_dir)
    print()
    for outcome in report.outcomes:
        print(outcome.line())
        for text in outcome.notes:
            print(f"        {text}")
    for text in report.notes:
        print(text)
    print(
        f"{'done' if report.good else 'failed'}: version {report.version}, release {report.release}; {path}"
    )
    return EXIT_DONE if report.good else EXIT_FAILED


def _agreed(progress: Progress, question: str, *, asked_for: bool) -> bool:
    """Ask, where somebody can answer."""
    if not asked_for or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    return progress.ask(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _status(arguments: argparse.Namespace) -> int:
    found = read_status(_session(arguments, Lines()), rollout_order(arguments.region))
    print(json.dumps(found.document(), indent=1) if arguments.json else found.text())
    return EXIT_DONE


def _destroy(arguments: argparse.Namespace) -> int:
    def confirm(stage: str) -> bool:
        if arguments.yes:
            return True
        if not sys.stdin.isatty():
            raise DeployFailed("usage", "Nobody can be asked here: destroy needs --yes.")
        return input(f"Type the stage's name ({stage}) to delete this: ").strip() == stage

    done = destroy(
        _session(arguments, Lines()),
        rollout_order(arguments.region),
        everywhere=not arguments.region,
        confirm=confirm,
    )
    if not done:
        print("nothing was changed")
    return EXIT_DONE if done else EXIT_FAILED
