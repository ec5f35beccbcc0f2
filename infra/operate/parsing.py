"""What can be asked: the commands, their options, and errors in them that repeat nothing that may be a key."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from edge.auth.apikeys.records import WHYS
from edge.auth.plans import PLANS
from edge.regions import DEPLOYED, GLOBAL_STACK_REGION
from edge.settings import STAGES
from infra.operate import (
    access_commands,
    key_commands,
    limit_commands,
    secret_commands,
    token_commands,
)
from infra.operate.failures import EXIT_USAGE, tell_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infra.operate.answers import Answer
    from infra.operate.place import Place

    Command = Callable[[Place, argparse.Namespace], Answer]

ROOT: Final = Path(__file__).resolve().parents[2]

ALGORITHMS: Final = ("HS256", "RS256", "ES256", "EdDSA")
DAY_SECONDS: Final = 86_400
TELLING_CHARS: Final = 20
"""An argument as long as this may be a key or a token in the wrong place: no message repeats it."""


class _Parser(argparse.ArgumentParser):
    """argparse, but for what it repeats of a wrong command line."""

    argv: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        for argument in self.argv:
            for part in (argument, argument.partition("=")[2]):
                if len(part) >= TELLING_CHARS:
                    message = message.replace(repr(part), "<hidden>").replace(part, "<hidden>")
        as_json = "--json" in self.argv
        if not as_json:
            self.print_usage(sys.stderr)
        tell_failure("usage", " ".join(message.split()), EXIT_USAGE, as_json=as_json)
        self.exit(EXIT_USAGE)


class _Group:
    """
    A group of commands, such as ``keys``.

    Args:
        parent: what the group is added to.
        common: options that every command has.
        name: of the group.
        about: one line.
    """

    def __init__(
        self,
        parent: argparse._SubParsersAction[_Parser],
        common: _Parser,
        name: str,
        about: str,
    ) -> None:
        parser = parent.add_parser(name, help=about, description=about, allow_abbrev=False)
        self._commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
        self._common = common

    def add(self, name: str, command: Command, about: str) -> _Parser:
        """Add a command and return its parser."""
        return _command(self._commands, self._common, name, command, about)


def _command(
    parent: argparse._SubParsersAction[_Parser], common: _Parser, name: str, command: Command, about: str
) -> _Parser:
    parser = parent.add_parser(name, parents=[common], help=about, description=about, allow_abbrev=False)
    parser.set_defaults(command=command)
    return parser


def make_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """
    Return the parser of one command line; what it parses has the function to call as ``command``.

    Args:
        argv: that will be parsed; its long arguments are not repeated in messages.
    """
    _Parser.argv = argv
    parser = _Parser(
        prog="python -m infra.operate",
        description="Operates Kaizen Edge: API keys, tokens, the keys of the house, access lists.",
        epilog="docs/operate.md has a recipe for each occasion. Exit codes: 0 done, 1 failed, 2 wrong usage.",
        allow_abbrev=False,
    )
    groups = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = _common()
    _add_keys(_Group(groups, common, "keys", "API keys"))
    _add_tokens(_Group(groups, common, "tokens", "access tokens, refresh tokens and sessions"))
    _add_secrets(_Group(groups, common, "secrets", "the keys that sign tokens"))
    _add_access(_Group(groups, common, "access", "who is always let in or never"))
    limits = _Group(groups, common, "limits", "what was counted")
    reset = limits.add("reset", limit_commands.reset, "forget what a subject has used of a tier")
    reset.add_argument("subject", metavar="SUBJECT")
    reset.add_argument("--tier", required=True)
    reset.add_argument("--scope", choices=("region", "global"), default="region")
    reset.add_argument("--rate-tiers", help="the stack's parameter RateTiers, where it is set")
    admin = _command(
        groups,
        common,
        "admin-key",
        key_commands.admin_key,
        "the first keys of a stage: the house's, an administrator's",
    )
    admin.add_argument("--name", default="administrator", help="of the key (%(default)s)")
    admin.add_argument("--another", action="store_true", help="even if an administrator has a key")
    return parser


def _common() -> _Parser:
    common = _Parser(add_help=False, allow_abbrev=False)
    where = common.add_argument_group("where")
    where.add_argument(
        "--region",
        choices=[region.code for region in DEPLOYED],
        default=GLOBAL_STACK_REGION.code,
        help="whose tables are used (%(default)s)",
    )
    where.add_argument("--local", action="store_true", help="the setup that `make up` runs, in place of AWS")
    where.add_argument("--local-dir", type=Path, default=ROOT / ".local", help=argparse.SUPPRESS)
    where.add_argument(
        "--stage", choices=STAGES, help="which new keys name (production; development with --local)"
    )
    where.add_argument("--stack", help="the regional stack (kaizen-edge; kaizen-edge-local with --local)")
    where.add_argument("--global-stack", default="kaizen-edge-global", help="(%(default)s)")
    where.add_argument("--issuer", default="kaizen-edge", help="the stack's TokenIssuer (%(default)s)")
    where.add_argument(
        "--audience", default="kaizen-edge-api", help="the stack's TokenAudience (%(default)s)"
    )
    where.add_argument("--profile", help="of the AWS configuration")
    common.add_argument("--json", action="store_true", help="answer, or fail, with one JSON document")
    return common


def _add_keys(keys: _Group) -> None:
    create = keys.add("create", key_commands.create, "make a key and show it, once")
    create.add_argument("--name", required=True, help="for people, 1 to 100 characters")
    create.add_argument("--role", required=True, choices=("ADMIN", "USER", "GUEST"))
    create.add_argument("--plan", required=True, choices=sorted(PLANS))
    create.add_argument(
        "--scope",
        action="append",
        metavar="SCOPE",
        help="one of the role's, again for each; all if none is given",
    )
    create.add_argument("--expires-in-days", type=int, metavar="N", help="1 to 3650; never if not given")
    listing = keys.add("list", key_commands.list_page, "all keys, the newest first")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="1 to 100 (%(default)s)")
    listing.add_argument("--cursor", help="goes on behind the page that told it")
    _with_key(keys.add("show", key_commands.show, "one key"))
    rotate = _with_key(keys.add("rotate", key_commands.rotate, "give a key a new secret and show it, once"))
    rotate.add_argument(
        "--overlap-seconds",
        type=int,
        default=DAY_SECONDS,
        metavar="N",
        help="how long the old one goes on, 0 to 2592000 (%(default)s)",
    )
    revoke = _with_key(keys.add("revoke", key_commands.revoke, "end a key for good, and its tokens"))
    revoke.add_argument("--why", choices=sorted(WHYS), default="requested", help="(%(default)s)")


def _with_key(parser: _Parser) -> _Parser:
    parser.add_argument("id", metavar="ID", help="or the key's text, or - to read either from standard input")
    return parser


def _add_tokens(tokens: _Group) -> None:
    issue = tokens.add("issue", token_commands.issue, "begin a session for a key and show its tokens, once")
    issue.add_argument("--key-id", required=True, metavar="ID")
    issue.add_argument("--subject", metavar="S", help="whom the tokens speak for; the key's id if not given")
    for name, command, about in (
        ("inspect", token_commands.inspect, "what a token says, whether it is taken and why not"),
        ("revoke", token_commands.revoke, "end an access token, or a refresh token's whole session"),
    ):
        parser = tokens.add(name, command, about)
        parser.add_argument(
            "token", metavar="TOKEN", help="or - to read it from standard input, which nobody sees"
        )
        if name == "revoke":
            parser.add_argument(
                "--session", action="store_true", help="of an access token: the whole session that it is of"
            )
    subject = tokens.add(
        "revoke-subject", token_commands.revoke_subject, "sign a subject out everywhere: all tokens until now"
    )
    subject.add_argument("subject", metavar="SUBJECT")


def _add_secrets(secrets: _Group) -> None:
    create = secrets.add(
        "create", secret_commands.create, "make the first keys; refused where there are some"
    )
    rotate = secrets.add(
        "rotate", secret_commands.rotate, "a new token key signs; old ones go when their tokens have"
    )
    for parser, default in ((create, "ES256"), (rotate, "that of the key that signs")):
        parser.add_argument("--algorithm", choices=ALGORITHMS, help=f"of the new key ({default})")
    rotate.add_argument(
        "--refresh-keys", action="store_true", help="add a refresh key too; it does not sign yet"
    )
    secrets.add(
        "promote-refresh-key",
        secret_commands.promote_refresh_key,
        "let the newest refresh key sign, ten minutes after it was added",
    )
    secrets.add("show", secret_commands.show, "names, algorithms and ages; never a key")
    remove = secrets.add(
        "remove-key", secret_commands.remove_key, "take out a token key that leaked, and its tokens"
    )
    remove.add_argument("kid", metavar="KID")
    refresh = secrets.add(
        "remove-refresh-key",
        secret_commands.remove_refresh_key,
        "take out a refresh key that leaked or is spent, and the sessions that began under it",
    )
    refresh.add_argument("version", metavar="VERSION", type=int)


def _add_access(access: _Group) -> None:
    for name, command, about in (
        ("get", access_commands.get, "show the list"),
        ("put", access_commands.put, "check a list and put it in the place of the one there is"),
        ("clear", access_commands.clear, "delete the list"),
    ):
        parser = access.add(name, command, about)
        parser.add_argument("--all-regions", action="store_true", help="each has a list of its own")
        if name == "put":
            parser.add_argument(
                "--file", default="-", metavar="FILE", help="JSON; - is standard input (%(default)s)"
            )
