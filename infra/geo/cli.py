"""
The command line: runs one command and tells its answer or its failure, as :mod:`infra.operate.cli` does.

Exit codes: 0 done, 1 refused or failed, 2 the command line itself is wrong. With ``--json`` standard output is one
document, and a failure is one on standard error.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge.clock import SystemClock
from edge.regions import BY_CODE, DEPLOYED, GLOBAL_STACK_REGION
from infra.geo import report, table_commands
from infra.operate.answers import json_text
from infra.operate.failures import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, tell_failure, told
from infra.operate.place import Names, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.clock import Clock
    from infra.operate.answers import Answer

    PlaceCommand = Callable[[Callable[[], Place], argparse.Namespace], Answer]

__all__ = ["EXIT_DONE", "EXIT_FAILED", "EXIT_USAGE", "main"]

ROOT: Final = Path(__file__).resolve().parents[2]
LOCAL_DIR: Final = ROOT / ".local"


def main(argv: Sequence[str], *, clock: Clock = SystemClock()) -> int:  # noqa: B008 - stateless
    """
    Run one command and return the exit code.

    Args:
        argv: without the program's name.
        clock: of this machine.
    """
    try:
        arguments = make_parser().parse_args(argv)
    except SystemExit as ended:  # argparse has told why, or has shown the help
        return EXIT_DONE if ended.code in (None, 0) else EXIT_USAGE
    opened: list[Place] = []

    def open_place() -> Place:
        opened.append(_place(arguments, clock))
        return opened[-1]

    command: PlaceCommand = arguments.command
    try:
        answer = command(open_place, arguments)
    except Exception as error:  # the edge: what is told of a defect is its place, never its text
        reason, message = told(error)
        tell_failure(reason, message, EXIT_FAILED, as_json=arguments.json)
        return EXIT_FAILED
    finally:
        for place in opened:
            place.close()
    print(json_text(answer.document) if arguments.json else answer.text)
    return EXIT_DONE


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses has the function to call as ``command``."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.geo",
        description="Measured round-trip times: install a table, see what was learned, compare a table with the model.",
        epilog="docs/geo.md says what a table looks like. Exit codes: 0 done, 1 failed, 2 wrong usage.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = _common()
    for name, command, about in (
        ("import", table_commands.install, "install a measured table in the place of the one there is"),
        ("remove", table_commands.remove, "take the installed table away; what was learned stays"),
        ("export", table_commands.export, "what callers taught, by cell and region"),
        ("report", report.compare, "how often, and how far, the model and a measured table disagree"),
    ):
        one = commands.add_parser(name, parents=[common], help=about, description=about, allow_abbrev=False)
        one.set_defaults(command=command)
        if name in ("import", "report"):
            one.add_argument("file", metavar="CSV", help="- is standard input")
        if name == "import":
            one.add_argument(
                "--output", type=Path, metavar="FILE", help="write the rows as JSON; install nothing"
            )
        if name == "export":
            one.add_argument("--format", choices=("csv", "text"), default="text", help="(%(default)s)")
    return parser


def _common() -> argparse.ArgumentParser:
    """Return the options that :mod:`infra.operate` has too, under the same names."""
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    where = common.add_argument_group("where")
    where.add_argument(
        "--region",
        choices=[region.code for region in DEPLOYED],
        default=GLOBAL_STACK_REGION.code,
        help="whose replica of the table is used (%(default)s)",
    )
    where.add_argument("--local", action="store_true", help="the setup that `make up` runs, in place of AWS")
    where.add_argument("--local-dir", type=Path, default=LOCAL_DIR, help=argparse.SUPPRESS)
    where.add_argument("--global-stack", default="kaizen-edge-global", help="whose table it is (%(default)s)")
    where.add_argument("--profile", help="of the AWS configuration")
    common.add_argument("--json", action="store_true", help="answer, or fail, with one JSON document")
    return common


def _place(arguments: argparse.Namespace, clock: Clock) -> Place:
    return Place(
        BY_CODE[arguments.region],
        Names("production", "", arguments.global_stack, "", ""),
        clock,
        profile=arguments.profile,
        local_dir=arguments.local_dir if arguments.local else None,
    )
