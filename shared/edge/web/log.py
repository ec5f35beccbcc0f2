"""
Logs: one JSON object a line on standard output, UTC, nothing else.

CloudWatch takes such a line apart by itself. No token, key, signature, body or full address goes in: what a line may
hold is named where it is written, and exceptions are told by type and frames, not by their text.
"""

from __future__ import annotations

import sys
import time
from json import JSONEncoder
from typing import TYPE_CHECKING, Final

from edge.settings import LOG_LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edge.settings import Settings

_encode = JSONEncoder(separators=(",", ":")).encode
_RANK: Final = {level: rank for rank, level in enumerate(LOG_LEVELS)}


def write_stdout(line: str) -> None:
    """Write *line* in one piece, so that lines of two threads do not mix."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Log:
    """
    Writes lines at or above a level, each with where it comes from.

    Args:
        settings: level, region, function, stage and version.
        write: takes one line without its end.
    """

    def __init__(self, settings: Settings, write: Callable[[str], None] = write_stdout) -> None:
        self._rank = _RANK[settings.log_level]
        self._write = write
        self._origin = _encode(
            {
                "region": settings.region.code,
                "function": settings.function_name,
                "stage": settings.stage,
                "version": settings.version,
            }
        )[1:]

    def enabled(self, level: str) -> bool:
        """Return whether a line of *level* would be written."""
        return _RANK[level] >= self._rank

    def write(self, level: str, message: str, fields: Mapping[str, object]) -> None:
        """
        Write one line.

        Args:
            level: of :data:`edge.settings.LOG_LEVELS`.
            message: what happened, a fixed text.
            fields: its data.
        """
        if not self.enabled(level):
            return
        now_ns = time.time_ns()
        seconds, milliseconds = divmod(now_ns // 1_000_000, 1000)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        head = f'{{"timestamp":"{stamp}.{milliseconds:03}Z","level":"{level}","message":"{message}",'
        body = _encode(fields)[1:-1] if fields else ""
        self._write(f"{head}{body}{',' if body else ''}{self._origin}")


def describe_exception(error: BaseException) -> dict[str, object]:
    """
    Return type and frames of *error*, innermost last, and of what it came from; never their messages.

    A message may quote input, a token or a header; a frame only quotes our code.
    """
    import traceback  # deferred: only a defect needs it

    described: dict[str, object] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "frames": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-20:]
        ],
    }
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and cause is not error:
        described["cause"] = f"{type(cause).__module__}.{type(cause).__qualname__}"
    return described
