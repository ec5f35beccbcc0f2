"""
Which errors are the same: the key of a group.

Errors of one kind share a defect, so what is compared is where it was raised, not what it said:

====================== ======================================================================================
frames of ours         type, causes, and the :data:`MAX_FRAMES` functions of ours nearest to the raise
none of ours           type, causes, and the normalised message
an expected problem    class, reason, the fault that its ``log_fields()`` name, and the module that met it
====================== ======================================================================================

What would make too few groups: the boundary and the router are in every stack, and the client of DynamoDB in that of every
store, so the former do not count and the latter only as the place of the raise. A wrapper that raises the same from
everything is told apart by the cause it names (``raise ... from``); what merely happened before is ignored.

What would make too many: line numbers, paths (Lambda's and a developer's name one module alike), depth of a recursion,
comprehensions that one Python gives a frame and the next does not, frames of the event loop. None of them is in a key.

Keys begin with their version and name errors for as long as they are stored: change :data:`VERSION` with any rule here, in
:mod:`edge.telemetry.normalise` or :mod:`edge.telemetry.scrubbing`, and old groups keep their names.

**What a group says of a message** is its normalised form, scrubbed first. A message may quote input, and no list of secrets
is complete; a form with every variable part replaced still tells what happened, and the request id leads to the log. The log
has no messages at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from edge.problems import Problem, Unexpected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, TracebackType

Severity = Literal["error", "critical"]

VERSION: Final = 1
MAX_FRAMES: Final = 4
MAX_CAUSES: Final = 3
MAX_TITLE_CHARS: Final = 160
MAX_TYPE_CHARS: Final = 120

_KEY_CHARS: Final = 20
"""80 bits of SHA-256: among the thousands of groups that a table can hold no two meet by chance."""

_MAX_WALKED: Final = 2_000
"""Frames of one traceback that are looked at; Python's recursion ends at half of it."""

_RECURSIVE: Final = 8
"""A function that is so often in one stack calls itself, directly or not."""

_BOUNDARY: Final = frozenset(
    {
        "edge.app",
        "edge.callers",
        "edge.deadline",
        "edge.web.boundary",
        "edge.web.http_api",
        "edge.web.looped",
        "edge.web.straight",
    }
)
"""In the stack of every request."""

_PLUMBING: Final = (
    "edge.aws.",
    "edge.breaker",
    "edge.ratelimit.guarded_store",
    "edge.ratelimit.watched_store",
)
"""In the stack of every call to a store."""

_COMPREHENSIONS: Final = (
    ".<locals>.<listcomp>",
    ".<locals>.<dictcomp>",
    ".<locals>.<setcomp>",
    ".<locals>.<genexpr>",
)
_TASK_ROOT: Final = "/var/task/"
_FAULTS: Final = ("fault", "aws_error")


class Shape(NamedTuple):
    """
    What of an error decides its group, before the message is looked at; cheap, and hashable.

    Attributes:
        type: module and name of the class.
        causes: of those that it was raised from, type and place, nearest first.
        frames: ``module:function`` of ours, nearest to the raise first.
        reason: of an expected problem, with its fault; empty for all else.
        severity: ``critical`` for what nobody expected.
    """

    type: str
    causes: tuple[str, ...]
    frames: tuple[str, ...]
    reason: str
    severity: Severity

    @property
    def needs_message(self) -> bool:
        """Whether nothing but its message tells the error from others of its type."""
        return not self.frames and not self.reason


def shape_of(error: BaseException, *, function: str) -> Shape:
    """
    Return the shape of *error*.

    Args:
        error: as it was caught, with its traceback.
        function: short name of the function that it was caught in.
    """
    error = _only_one(error)
    frames = _frames(error.__traceback__, function)
    if isinstance(error, Problem) and error.status != Unexpected.status:
        fields = error.log_fields()
        faults = [str(fields[name])[:64] for name in _FAULTS if name in fields]
        return Shape(_type(error), (), frames, ":".join([error.reason, *faults]), "error")
    causes: list[str] = []
    cause = error.__cause__
    while cause is not None and len(causes) < MAX_CAUSES:
        cause = _only_one(cause)
        causes.append("@".join([_type(cause), *_frames(cause.__traceback__, function)[:1]]))
        cause = cause.__cause__
    if isinstance(error, Problem):
        causes += [str(code)[:64] for name, code in error.log_fields().items() if name in _FAULTS]
    return Shape(_type(error), tuple(causes), frames, "", "critical")


def shape_of_answer(status: int, route: str) -> Shape:
    """Return the shape of an answer that is an error without one having been raised."""
    return Shape("answer", (), (), f"{status}:{route}", "error")


def group_key(shape: Shape, kind: str) -> str:
    """
    Return the key of the group.

    Args:
        shape: of the error.
        kind: its message, scrubbed and normalised; it only counts where the shape ``needs_message``.
    """
    try:  # the C function itself: hashlib costs 1 ms to arrive at the same
        from _hashlib import openssl_sha256 as sha256
    except ImportError:  # an interpreter without OpenSSL
        from hashlib import sha256

    where: tuple[str, ...] = shape.frames
    if shape.reason:
        # the module that met the fault, not the way that led there: one table gone is one group
        where = tuple(
            [frame.partition(":")[0] for frame in shape.frames if not frame.startswith(_PLUMBING)][:1]
        )
    elif shape.needs_message:
        where = (kind,)
    parts = "\x1e".join(
        [str(VERSION), shape.type, shape.reason, "\x1f".join(shape.causes), "\x1f".join(where)]
    )
    return f"{VERSION}{sha256(parts.encode('utf-8', 'replace')).hexdigest()[:_KEY_CHARS]}"


def kind_of(error: BaseException) -> str:
    """Return what the message of *error* has in common with others of its kind: scrubbed, then normalised."""
    from edge.telemetry.normalise import (
        normalise,
    )  # deferred, both: their patterns take milliseconds to compile,
    from edge.telemetry.scrubbing import scrub  # and most containers never see an error

    error = _only_one(error)
    if isinstance(error, Problem):
        return error.title
    try:
        message = str(error)
    except Exception:  # a class may fail at describing itself; the error is still one
        return ""
    return normalise(scrub(message, limit=4_096))


def overflow_key() -> str:
    """Return the key of the group that takes what there is no room for."""
    return f"{VERSION}{'0' * _KEY_CHARS}"


def title_of(shape: Shape, kind: str) -> str:
    """Return one line for people."""
    name = shape.type.rpartition(".")[2]
    text = f"{name}: {shape.reason or kind}" if shape.reason or kind else name
    return text if len(text) <= MAX_TITLE_CHARS else f"{text[: MAX_TITLE_CHARS - 1]}…"


def module_of(filename: str, module: str, *, function: str) -> str | None:
    """
    Return the name of a module of ours, the same wherever it runs; None for all others.

    Args:
        filename: that the frame's code was compiled from.
        module: that the frame's globals name.
        function: short name of the function that runs.

    Example:
        >>> module_of("/opt/python/edge/geo/router.py", "edge.geo.router", function="geo_route")
        'edge.geo.router'
        >>> module_of("/var/task/app.py", "app", function="geo_route")
        'functions.geo_route.app'
        >>> module_of("/home/dev/kaizen/functions/geo_route/app.py", "kaizen_local_x", function="geo_route")
        'functions.geo_route.app'
        >>> module_of("/opt/python/fastapi/routing.py", "fastapi.routing", function="geo_route")
    """
    if module == "edge" or module.startswith("edge."):
        return module
    path = filename.replace("\\", "/")
    if "/site-packages/" in path or "/dist-packages/" in path or not path.endswith(".py"):
        return None
    if path.startswith(_TASK_ROOT):
        inner = path[len(_TASK_ROOT) :]
    else:
        _, marker, inner = path.rpartition(f"/functions/{function}/")
        if not marker:
            return None
    return f"functions.{function}.{inner[:-3].replace('/', '.')}"


def _frames(traceback: TracebackType | None, function: str) -> tuple[str, ...]:
    """Return the functions of ours that name the place of a raise, nearest first."""
    ours: list[tuple[str, str]] = []
    last_module: str | None = None
    for code, name in _walk(traceback):
        last_module = module_of(code.co_filename, name, function=function)
        if last_module is not None:
            ours.append((last_module, _function_name(code)))
    if last_module in _BOUNDARY:
        return (":".join(ours[-1]),)  # the defect is in the boundary itself
    named = [
        f"{module}:{function_name}" for module, function_name in reversed(ours) if module not in _BOUNDARY
    ]
    recursive = (
        {frame for frame in named if named.count(frame) >= _RECURSIVE} if len(named) > _RECURSIVE else set()
    )
    if recursive:
        return tuple(sorted(recursive)[:MAX_FRAMES])  # where a recursion broke off is chance
    unique = list(dict.fromkeys(named))
    return tuple(
        [frame for at, frame in enumerate(unique) if at == 0 or not frame.startswith(_PLUMBING)][:MAX_FRAMES]
    )


def _walk(traceback: TracebackType | None) -> Iterator[tuple[CodeType, str]]:
    for _ in range(_MAX_WALKED):
        if traceback is None:
            return
        frame = traceback.tb_frame
        yield frame.f_code, str(frame.f_globals.get("__name__", ""))
        traceback = traceback.tb_next


def _function_name(code: CodeType) -> str:
    name = code.co_qualname
    while name.endswith(_COMPREHENSIONS):
        name = name.rpartition(".<locals>.")[0]
    return name.replace(".<locals>", "")


def _only_one(error: BaseException) -> BaseException:
    """Return what a group of one holds: task groups wrap whatever they meet."""
    for _ in range(MAX_CAUSES):
        if not isinstance(error, BaseExceptionGroup) or len(error.exceptions) != 1:
            break
        error = error.exceptions[0]
    return error


def _type(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"[:MAX_TYPE_CHARS]
