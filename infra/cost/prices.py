"""
AWS's list prices in US dollars, us-east-1, without free tiers and discounts.

From the public price pages as of early 2026; other regions differ by up to a third (São Paulo more). Change them here and run
``python -m infra.cost``.
"""

from __future__ import annotations

from typing import Final

MILLION: Final = 1_000_000
MONTH_HOURS: Final = 730
MONTH_SECONDS: Final = MONTH_HOURS * 3_600

LAMBDA_REQUEST: Final = 0.20 / MILLION
LAMBDA_GB_SECOND: Final = {"arm64": 0.0000133334, "x86_64": 0.0000166667}

HTTP_API_REQUEST: Final = 1.00 / MILLION
HTTP_API_REQUEST_ABOVE: Final = 0.90 / MILLION
HTTP_API_STEP: Final = 300 * MILLION
"""Requests a month and region at the higher price."""

DYNAMODB_WRITE: Final = 0.625 / MILLION
"""A write unit on demand: an item of up to 1 KB. In a transaction it takes two."""

DYNAMODB_REPLICATED_WRITE: Final = 0.625 / MILLION
"""The same, in each replica of a global table."""

DYNAMODB_READ: Final = 0.125 / MILLION
"""A read unit on demand: up to 4 KB, consistent; half of it where an older item will do."""

LOG_GB: Final = 0.50
LOG_STORED_GB_MONTH: Final = 0.03
CUSTOM_METRIC_MONTH: Final = 0.30
"""One metric with one set of dimensions, while something is sent to it; those of API Gateway's routes too."""

ALARM_MONTH: Final = 0.10
COMPOSITE_ALARM_MONTH: Final = 0.50
DASHBOARD_MONTH: Final = 3.00
XRAY_TRACE: Final = 5.00 / MILLION

SECRET_MONTH: Final = 0.40
"""One secret, and as much for each replica."""

SECRET_CALL: Final = 0.05 / 10_000

INTERNET_GB: Final = 0.09
"""Out of a region to clients; what goes out by the CDN costs :data:`CDN_GB` in place of it."""

HEALTH_CHECK_MONTH: Final = 2.50
"""Of an endpoint in AWS: 0.50, and one dollar each for HTTPS and for asking every ten seconds."""

ZONE_MONTH: Final = 0.50
CDN_REQUEST: Final = 1.00 / MILLION
CDN_GB: Final = 0.085
WAF_RULES: Final = 4
WAF_MONTH: Final = 5.00 + WAF_RULES * 1.00
"""The web ACL and its rules."""

WAF_REQUEST: Final = 0.60 / MILLION
