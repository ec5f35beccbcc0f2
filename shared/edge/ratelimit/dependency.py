# No "from __future__ import annotations" here: FastAPI cannot look up the names in a string annotation of an object
# that is called, and would take request and response for query parameters.
"""
A rate limit on single routes: an object for FastAPI's ``Depends``, made without FastAPI.

It raises a problem. An application of :func:`edge.app.create_app` renders it; any other needs one line::

    app.add_exception_handler(Problem, answer_problem)
"""

from random import random
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from edge.problems import Problem
from edge.ratelimit.gate import Gate, client_address
from edge.ratelimit.problems import problem_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.ratelimit.checks import AsyncChecks, Checks
    from edge.ratelimit.gate import AccessVerdicts, CostOf, OnUnavailable, SubjectOf
    from edge.ratelimit.tiers import Tier


class RateLimit:
    """
    Charges a request before its route runs: ``Depends(RateLimit(limiter, tier=..., on_unavailable="admit"))``.

    Args:
        limiter: blocking or awaited, see :class:`~edge.ratelimit.gate.Gate`.
        tier: the limit, or several that are charged together or not at all.
        subject: says of an ASGI scope whom it is charged to; None exempts it. By default the client's address.
        cost: units, ``1 <= cost`` and at most every limit, or what says them of a scope.
        access: lists that are asked before the limiter.
        on_unavailable: ``"admit"`` or ``"refuse"`` requests while the store is gone.
        jitter: see :class:`~edge.ratelimit.gate.Gate`.
    """

    def __init__(
        self,
        limiter: "Checks | AsyncChecks",
        *,
        tier: "Tier | Sequence[Tier]",
        on_unavailable: "OnUnavailable",
        subject: "SubjectOf" = client_address,
        cost: "int | CostOf" = 1,
        access: "AccessVerdicts | None" = None,
        jitter: "Callable[[], float]" = random,
    ) -> None:
        self._gate = Gate(
            limiter,
            tier=tier,
            subject=subject,
            cost=cost,
            access=access,
            on_unavailable=on_unavailable,
            jitter=jitter,
        )

    async def __call__(self, request: Request, response: Response) -> dict[str, str]:
        """
        Charge *request* and add the limiter's headers to *response*.

        Returns:
            The same header fields: FastAPI drops those of *response* where a route answers with a response of its own,
            which then passes these on.

        Raises:
            edge.ratelimit.problems.TooManyRequests: the cost does not fit.
            edge.ratelimit.problems.SubjectDenied: the lists deny the subject.
            edge.ratelimit.problems.UnusableSubject: the subject cannot name one.
            edge.problems.DependencyUnavailable: the store is gone, and such requests are refused.
        """
        fields = await self._gate.admit(request.scope)
        response.headers.update(fields)
        return fields


async def answer_problem(_request: Request, problem: Exception) -> Response:
    """
    Return the answer to a problem, for ``add_exception_handler`` of an application that is not ours.

    Args:
        _request: not needed; Starlette passes it.
        problem: raised below.

    Raises:
        Exception: it is no problem, and not ours to tell.
    """
    if not isinstance(problem, Problem):
        raise problem
    headers, body = problem_answer(problem)
    response = Response(body, problem.status)
    response.raw_headers = headers
    return response
