"""
Route selection as API Gateway does it for HTTP APIs.

Order (developer guide, "Create routes for HTTP APIs"): full match of method and path, then a match with a greedy
path variable, then ``$default``. A literal segment beats a variable, an exact method beats ``ANY``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.template import Route

DEFAULT_PATH: Final = "$default"

# A higher rank wins, segment by segment.
_LITERAL, _VARIABLE, _GREEDY = 2, 1, 0


@dataclass(frozen=True, slots=True)
class Selected:
    """
    The route that was selected.

    Attributes:
        route: as in the template.
        path_parameters: decoded values by name; empty for ``$default``.
    """

    route: Route
    path_parameters: Mapping[str, str]


class RouteTable:
    """
    Selects a route for a method and a decoded path.

    Args:
        routes: all routes of the API, in any order.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._literal: dict[tuple[str, str], Selected] = {}
        self._patterns: list[tuple[Route, tuple[str, ...]]] = []
        self._default: Selected | None = None
        for route in routes:
            if route.path == DEFAULT_PATH:
                self._default = Selected(route, {})
            elif "{" in route.path:
                self._patterns.append((route, _segments(route.path)))
            else:
                self._literal[route.method, route.path] = Selected(route, {})

    def select(self, method: str, path: str) -> Selected | None:
        """
        Return the route that answers, or None where API Gateway answers 404.

        Args:
            method: upper case.
            path: decoded, with its leading slash; a trailing slash counts.
        """
        literal = self._literal.get((method, path)) or self._literal.get(("ANY", path))
        if literal is not None:
            return literal
        best: tuple[tuple[int, ...], Selected] | None = None
        segments = _segments(path) if self._patterns else ()
        for route, pattern in self._patterns:
            if route.method not in (method, "ANY"):
                continue
            matched = _match(pattern, segments)
            if matched is None:
                continue
            ranks, parameters = matched
            rank = (*ranks, _LITERAL if route.method == method else _VARIABLE)
            if best is None or rank > best[0]:
                best = rank, Selected(route, parameters)
        return best[1] if best is not None else self._default


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.removeprefix("/").split("/"))


def _match(
    pattern: tuple[str, ...], segments: tuple[str, ...]
) -> tuple[tuple[int, ...], dict[str, str]] | None:
    ranks: list[int] = []
    parameters: dict[str, str] = {}
    for index, part in enumerate(pattern):
        if index >= len(segments):
            return None
        if part.startswith("{") and part.endswith("+}"):
            rest = "/".join(segments[index:])
            if not rest:
                return None
            parameters[part[1:-2]] = rest
            return (*ranks, _GREEDY), parameters
        if part.startswith("{") and part.endswith("}"):
            if not segments[index]:
                return None
            parameters[part[1:-1]] = segments[index]
            ranks.append(_VARIABLE)
        elif part == segments[index]:
            ranks.append(_LITERAL)
        else:
            return None
    return (tuple(ranks), parameters) if len(pattern) == len(segments) else None
