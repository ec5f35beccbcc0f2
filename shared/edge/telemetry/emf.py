"""
The part of a log line that CloudWatch makes metrics of (embedded metric format), so that no call is needed for them.

CloudWatch asks 0.30 USD a month for each metric with each set of dimensions, in each region. Duration, errors, and throttles of
every function are there already, free (``AWS/Lambda``), and so are the API's 5xx (``AWS/ApiGateway``). So this tells only what
they cannot know, for the region as a whole: three metrics, four regions, 3.60 USD a month; and which function answered
5xx, only in the lines of those: a metric that nothing is sent to costs nothing. All labels of all metrics as dimensions
would be some 500 metrics a region.

The members that it names (``duration_ms``, ``region``, ``function``) are in the line already. A line that ``LOG_LEVEL``
suppresses is no metric either. (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html)
"""

from __future__ import annotations

from typing import Final, TypeAlias

NAMESPACE: Final = "KaizenEdge"

_SERVER_ERROR: Final = 500

_REGIONAL: Final = {
    "Namespace": NAMESPACE,
    "Dimensions": [["region"]],
    "Metrics": [
        {"Name": "duration_ms", "Unit": "Milliseconds"},
        {"Name": "server_errors", "Unit": "Count"},
        {"Name": "degraded_checks", "Unit": "Count"},
    ],
}
_OF_FUNCTION: Final = {
    "Namespace": NAMESPACE,
    "Dimensions": [["region", "function"]],
    "Metrics": [{"Name": "server_errors", "Unit": "Count"}],
}

EmfMembers: TypeAlias = dict[str, object]


def emf_members(*, status: int, degraded: bool, now_ms: int) -> EmfMembers:
    """
    Return what to add to a request's line.

    Args:
        status: of the answer.
        degraded: it is a rate check that was decided without its table.
        now_ms: epoch milliseconds.

    Example:
        >>> members = emf_members(status=503, degraded=False, now_ms=1_795_000_000_000)
        >>> members["server_errors"], [each["Dimensions"] for each in members["_aws"]["CloudWatchMetrics"]]
        (1, [[['region']], [['region', 'function']]])
    """
    failed = status >= _SERVER_ERROR
    return {
        "_aws": {
            "Timestamp": now_ms,
            "CloudWatchMetrics": [_REGIONAL, _OF_FUNCTION] if failed else [_REGIONAL],
        },
        "server_errors": int(failed),
        "degraded_checks": int(degraded),
    }
