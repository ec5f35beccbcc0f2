"""
The security headers of every answer of the API; a page sets its own policy and this set steps back.

The set grades A+ in the MDN HTTP Observatory (``tests/observatory``). What is absent is absent for a reason, each told in
``docs/optimize.md``; ``X-XSS-Protection`` because the filter that it asked for could be made to switch off a page's own
scripts and to tell other sites what a page says: browsers have dropped it, and the policy below does what it promised.
"""

from __future__ import annotations

from typing import Final

API_HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (
        b"content-security-policy",
        b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"geolocation=(), microphone=(), camera=()"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""Names and values; a header that the answer already carries is left as the answer has it."""
