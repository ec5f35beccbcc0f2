"""
The command line: runs one command and tells its answer or its failure.

Exit codes: 0 done, 1 refused or failed (one line on standard error), 2 the command line itself is wrong. With ``--json``
standard output is one document, and so is standard error::

    {"error": {"reason": "no_such_key", "message": "There is no API key with this id.", "exit_code": 1}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.clock import SystemClock
from edge.regions import BY_CODE
from infra.operate.answers import json_text
from infra.operate.failures import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, tell_failure, told
from infra.operate.parsing import make_parser
from infra.operate.place import Names, Place

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from edge.clock import Clock
    from infra.operate.parsing import Command

__all__ = ["EXIT_DONE", "EXIT_FAILED", "EXIT_USAGE", "main"]


def main(argv: Sequence[str], *, clock: Clock = SystemClock()) -> int:  # noqa: B008 - stateless
    """
    Run one command and return the exit code.

    Args:
        argv: without the program's name.
        clock: of this machine.
    """
    try:
        arguments = make_parser(argv).parse_args(argv)
    except SystemExit as ended:  # argparse has told why, or has shown the help
        return EXIT_DONE if ended.code in (None, 0) else EXIT_USAGE
    command: Command = arguments.command
    try:
        place = _place(arguments, clock)
        try:
            answer = command(place, arguments)
        finally:
            place.close()
    except Exception as error:  # the edge: what is told of a defect is its place, never its text
        reason, message = told(error)
        tell_failure(reason, message, EXIT_FAILED, as_json=arguments.json)
        return EXIT_FAILED
    print(json_text(answer.document) if arguments.json else answer.text)
    return EXIT_DONE


def _place(arguments: argparse.Namespace, clock: Clock) -> Place:
    stage = arguments.stage or ("development" if arguments.local else "production")
    stack = arguments.stack or ("kaizen-edge-local" if arguments.local else "kaizen-edge")
    return Place(
        BY_CODE[arguments.region],
        Names(stage, stack, arguments.global_stack, arguments.issuer, arguments.audience),
        clock,
        profile=arguments.profile,
        local_dir=arguments.local_dir if arguments.local else None,
    )
