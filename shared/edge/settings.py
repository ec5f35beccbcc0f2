"""
Settings: read once from the environment when a function starts, then frozen.

This is the only module that touches ``os.environ``. A bad or missing variable stops the start, and the error names
all of them at once: nobody should mend a deployment one variable at a time.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from edge.regions import BY_AWS_REGION, BY_CODE, Region

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    T = TypeVar("T")

STAGES: Final = ("development", "staging", "production")
LOG_LEVELS: Final = ("debug", "info", "warn", "error", "critical")

DEFAULT_MAX_BODY_BYTES: Final = 64 * 1024
LAMBDA_MAX_BODY_BYTES: Final = 6 * 1024 * 1024
"""Lambda takes no larger event, so no larger setting can come true."""

DEFAULT_EXPECTED_CONTAINERS: Final = 4

DEFAULT_KEY_STALE_SECONDS: Final = 300
"""While their table is gone, callers whom a container knows go on for so long; a revocation may be late by as much."""

DEFAULT_GRACE_SECONDS: Final = 10
MAX_GRACE_SECONDS: Final = 60
MAX_KEY_STALE_SECONDS: Final = 3_600

ENVIRON: Mapping[str, str] = os.environ
"""The process's variables, live: credentials may appear there after a SnapStart restore."""


class SettingsError(ValueError):
    """
    Environment variables are missing or wrong.

    Attributes:
        faults: one sentence for each variable, without its value: it may be a secret in the wrong place.
    """

    def __init__(self, faults: list[str]) -> None:
        super().__init__("bad settings: " + "; ".join(faults))
        self.faults = faults


class RateTier(NamedTuple):
    """
    A limit as an operator writes it.

    Attributes:
        units: admitted in any *seconds*.
        seconds: length of the window.
        soft_units: from so many used on, answers say that the soft limit is exceeded; None for none.
        is_shadow: counted and told, never enforced.
        is_exact: counted to the millisecond, not to a sixtieth of the window.
    """

    units: int
    seconds: int
    soft_units: int | None = None
    is_shadow: bool = False
    is_exact: bool = False


class Settings(NamedTuple):
    """
    What every function knows about where it runs.

    Attributes:
        stage: development, staging or production.
        region: the catalogue entry of the region that it runs in.
        function_name: AWS's name of the function, for logs.
        version: of the deployment, for logs and health.
        log_level: the lowest level that is written.
        allowed_origins: exact origins that browsers may call from; empty for none.
        max_body_bytes: the largest request body that is taken.
        dynamodb_endpoint: URL of a local engine, or None for AWS.
        secrets_endpoint: URL of a local Secrets Manager, or None for AWS.
        rate_windows_table: name of the table, or None where the function has no limiter.
        rate_usage_table: name of the global table of published usage, or None for none.
        sessions_table: name of the global table of refresh families and revocations, or None.
        keys_table: name of the global table of API keys, or None where callers are not known by them.
        nonces_table: name of the table of this region's used nonces, or None where no signature is verified.
        region_health_table: name of the global table of what regions see of each other, or None where nobody looks.
        enable_remote_logging: whether lines are sent to *log_endpoint*.
        log_endpoint: URL that takes batches of lines, or None for CloudWatch alone.
        enable_remote_error_tracking: whether lines of level error and critical are sent to *error_tracking_endpoint*.
        error_tracking_endpoint: URL that takes batches of these, or None.
        unshipped_queue_url: URL of the queue of batches that an endpoint did not take, or None.
        ship_token_secret: name of the secret with the bearer token for these endpoints, or None where they ask for none.
        telemetry_table: name of the table of metrics and errors, the same in every region, or None where none are kept.
        auth_secret: name of the secret with the keys of the house, or None where no token is read or written.
        cdn_secret: name of the secret that the CDN proves itself with, or None where there is no CDN.
        token_issuer: what our tokens say as ``iss``, and what is accepted.
        token_audience: the same for ``aud``.
        refresh_grace_seconds: how long after a rotation its parent still gets the same answer.
        revocation_fail_closed: whether a token is refused when nobody can say whether it was revoked.
        key_stale_seconds: for how long an API key that was found good goes on while nobody can say whether it still is.
        anonymous_tier: what callers without a name are limited to, for each address.
        signer_tier: what the signatures of one API key are limited to that a region verifies.
        endpoints: base URL of each region, by our code for it, as far as they are known.
        expected_containers: how many of a function share its work at peak; without its table a limiter grants its share.
        rate_tiers: limits that are added to the built-in tiers or replace them, by name.
    """

    stage: str
    region: Region
    function_name: str
    version: str
    log_level: str
    allowed_origins: frozenset[str]
    max_body_bytes: int
    dynamodb_endpoint: str | None
    secrets_endpoint: str | None
    rate_windows_table: str | None
    rate_usage_table: str | None
    sessions_table: str | None
    keys_table: str | None
    nonces_table: str | None
    region_health_table: str | None
    telemetry_table: str | None
    enable_remote_logging: bool
    log_endpoint: str | None
    enable_remote_error_tracking: bool
    error_tracking_endpoint: str | None
    unshipped_queue_url: str | None
    ship_token_secret: str | None
    auth_secret: str | None
    cdn_secret: str | None
    token_issuer: str
    token_audience: str
    refresh_grace_seconds: int
    revocation_fail_closed: bool
    key_stale_seconds: int
    anonymous_tier: str
    signer_tier: str
    endpoints: dict[str, str]
    expected_containers: int
    rate_tiers: dict[str, RateTier]

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = ENVIRON) -> Settings:
        """
        Read and check every variable.

        Args:
            environ: the variables, by default the process's own.

        Raises:
            SettingsError: it names each variable that is missing or wrong.
        """
        read = _Reader(environ)
        settings = cls(
            stage=read.choice("EDGE_STAGE", STAGES, default="production"),
            region=read.region(),
            function_name=read.text("AWS_LAMBDA_FUNCTION_NAME") or "local",
            version=read.text("EDGE_VERSION") or "0.0.0",
            log_level=read.choice("LOG_LEVEL", LOG_LEVELS, default="info"),
            allowed_origins=read.parsed("ALLOWED_ORIGINS", parse_origins, frozenset()),
            max_body_bytes=read.parsed("MAX_BODY_BYTES", _parse_body_bytes, DEFAULT_MAX_BODY_BYTES),
            dynamodb_endpoint=read.parsed("AWS_ENDPOINT_URL_DYNAMODB", _parse_url, None)
            or read.parsed("AWS_ENDPOINT_URL", _parse_url, None),
            secrets_endpoint=read.parsed("AWS_ENDPOINT_URL_SECRETS_MANAGER", _parse_url, None)
            or read.parsed("AWS_ENDPOINT_URL", _parse_url, None),
            rate_windows_table=read.parsed("RATE_WINDOWS_TABLE", _parse_table_name, None),
            rate_usage_table=read.parsed("RATE_USAGE_TABLE", _parse_table_name, None),
            sessions_table=read.parsed("SESSIONS_TABLE", _parse_table_name, None),
            keys_table=read.parsed("KEYS_TABLE", _parse_table_name, None),
            nonces_table=read.parsed("NONCES_TABLE", _parse_table_name, None),
            region_health_table=read.parsed("REGION_HEALTH_TABLE", _parse_table_name, None),
            telemetry_table=read.parsed("TELEMETRY_TABLE", _parse_table_name, None),
            enable_remote_logging=read.choice("ENABLE_REMOTE_LOGGING", ("false", "true"), default="false")
            == "true",
            log_endpoint=read.parsed("LOG_ENDPOINT", _parse_collector, None),
            enable_remote_error_tracking=read.choice(
                "ENABLE_REMOTE_ERROR_TRACKING", ("false", "true"), default="false"
            )
            == "true",
            error_tracking_endpoint=read.parsed("ERROR_TRACKING_ENDPOINT", _parse_collector, None),
            unshipped_queue_url=read.parsed("UNSHIPPED_QUEUE_URL", _parse_queue_url, None),
            ship_token_secret=read.parsed("SHIP_TOKEN_SECRET", _parse_secret_name, None),
            auth_secret=read.parsed("AUTH_SECRET", _parse_secret_name, None),
            cdn_secret=read.parsed("CDN_SECRET", _parse_secret_name, None),
            token_issuer=read.parsed("TOKEN_ISSUER", _parse_party, "kaizen-edge"),
            token_audience=read.parsed("TOKEN_AUDIENCE", _parse_party, "kaizen-edge-api"),
            refresh_grace_seconds=read.parsed("REFRESH_GRACE_SECONDS", _parse_grace, DEFAULT_GRACE_SECONDS),
            revocation_fail_closed=read.choice("REVOCATION_FAIL_CLOSED", ("false", "true"), default="false")
            == "true",
            key_stale_seconds=read.parsed("KEY_STALE_SECONDS", _parse_stale, DEFAULT_KEY_STALE_SECONDS),
            anonymous_tier=read.parsed("ANONYMOUS_TIER", _parse_tier_name, "default"),
            signer_tier=read.parsed("SIGNER_TIER", _parse_tier_name, "relaxed"),
            endpoints=read.parsed("ENDPOINTS", parse_endpoints, {}),
            expected_containers=read.parsed(
                "EXPECTED_CONTAINERS", _parse_containers, DEFAULT_EXPECTED_CONTAINERS
            ),
            rate_tiers=read.parsed("RATE_TIERS", parse_tiers, {}),
        )
        read.raise_faults()
        return settings

    def require(self, name: str) -> str:
        """
        Return the setting *name*, such as ``rate_windows_table``, for a function that cannot do without.

        Raises:
            SettingsError: it is not set.
        """
        value = getattr(self, name)
        if not value:
            raise SettingsError([f"{name.upper()} must be set"])
        return str(value)


def parse_origins(text: str) -> frozenset[str]:
    """
    Parse a comma-separated list of exact origins (RFC 6454: scheme, host, optional port; nothing after).

    ``https`` anywhere; ``http`` only for a loopback host. There is no wildcard: answers carry credentials.

    Raises:
        ValueError: an entry is not such an origin.

    Example:
        >>> sorted(parse_origins("https://app.example.com, http://localhost:3000"))
        ['http://localhost:3000', 'https://app.example.com']
    """
    origins = frozenset(entry.strip() for entry in text.split(",") if entry.strip())
    for origin in origins:
        if not re.fullmatch(_ORIGIN, origin, re.ASCII) or re.fullmatch(_DEFAULT_PORT, origin):
            raise ValueError("exact origins such as https://app.example.com, comma-separated")
    return origins


_ORIGIN: Final = (
    r"(https://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|http://(localhost|127\.0\.0\.1|\[::1\]))(:[1-9]\d{0,4})?"
)


_DEFAULT_PORT: Final = r"https://.*:443|http://.*:80"
"""Browsers leave it out: an entry that has it would never match."""


def parse_tiers(text: str) -> dict[str, RateTier]:
    """
    Parse a comma-separated list of limits, each ``name=units/seconds`` and what may follow: ``;soft=units``,
    ``;shadow``, ``;exact``.

    Raises:
        ValueError: an entry is not such a limit, or a name comes twice.

    Example:
        >>> parse_tiers("default=200/60, login=5/300;exact")["login"]
        RateTier(units=5, seconds=300, soft_units=None, is_shadow=False, is_exact=True)
        >>> parse_tiers("export=1000/86400;soft=800;shadow")["export"].soft_units
        800
    """
    tiers: dict[str, RateTier] = {}
    for entry in text.split(","):
        found = re.fullmatch(_TIER, entry.strip(), re.ASCII)
        if found is None or found[1] in tiers:
            raise ValueError(
                "limits such as default=200/60 or login=5/300;soft=4;shadow;exact (name=units/seconds), "
                "comma-separated, each name once"
            )
        soft_units = None if found[5] is None else int(found[5])
        tier = RateTier(int(found[2]), int(found[3]), soft_units, found[6] is not None, found[7] is not None)
        if (soft_units or 0) > tier.units:
            raise ValueError("limits whose soft limit is not above the limit itself")
        if tier.is_exact and tier.units > MOST_EXACT_UNITS:
            raise ValueError(f"limits, exact ones of at most {MOST_EXACT_UNITS} units")
        tiers[found[1]] = tier
    return tiers


_TIER: Final = (
    r"([a-z][a-z0-9:.-]{0,63})=([1-9]\d{0,8})/([1-9]\d{0,5})(;soft=([1-9]\d{0,8}))?(;shadow)?(;exact)?"
)

MOST_EXACT_UNITS: Final = 50
"""Each unit may have a millisecond of its own in the record: more would not fit into one write unit."""


def parse_endpoints(text: str) -> dict[str, str]:
    """
    Parse a comma-separated list of regions and their base URLs, each ``code=url``.

    Raises:
        ValueError: an entry is not such a pair, or a region comes twice.

    Example:
        >>> parse_endpoints("cdg1=https://cdg1.example.com, hnd1=http://127.0.0.1:8004")["hnd1"]
        'http://127.0.0.1:8004'
    """
    endpoints: dict[str, str] = {}
    for entry in text.split(","):
        code, _, url = entry.strip().partition("=")
        if code not in BY_CODE or code in endpoints:
            raise ValueError(
                "regions and URLs such as cdg1=https://cdg1.example.com, comma-separated, each once"
            )
        endpoints[code] = _parse_url(url)
    return endpoints


def _parse_body_bytes(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,6}", text, re.ASCII) or int(text) > LAMBDA_MAX_BODY_BYTES:
        raise ValueError("bytes, 1 to 6291456")
    return int(text)


def _parse_containers(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII):
        raise ValueError("a number of containers, 1 to 9999")
    return int(text)


def _parse_url(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+/?", text, re.ASCII):
        raise ValueError("a URL such as http://127.0.0.1:8010")
    return text.rstrip("/")


def _parse_collector(text: str) -> str:
    # Lines hold no secret, but they are nobody else's business: in the clear they go to this machine alone.
    if not re.fullmatch(
        r"(https://[a-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:[1-9]\d{0,4})?(/[!$-~]*)?", text, re.ASCII
    ):
        raise ValueError("an https URL such as https://collector.example.com/lines")
    return text


def _parse_queue_url(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.:-]+/[0-9]{1,12}/[A-Za-z0-9_-]{1,80}(\.fifo)?", text, re.ASCII):
        raise ValueError("the URL of an SQS queue")
    return text


def _parse_table_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{3,255}", text, re.ASCII):
        raise ValueError("a DynamoDB table name, 3 to 255 of A-Z a-z 0-9 _ . -")
    return text


def _parse_secret_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9/_+=.@:-]{1,512}", text, re.ASCII):
        raise ValueError("a secret's name or ARN")
    return text


def _parse_party(text: str) -> str:
    # A name or a URL, as RFC 7519 has StringOrURI: what compares letter by letter, without white space.
    if not re.fullmatch(r"[!-~]{1,256}", text, re.ASCII):
        raise ValueError("a name or a URL of 1 to 256 visible ASCII characters")
    return text


def _parse_grace(text: str) -> int:
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or int(text) > MAX_GRACE_SECONDS:
        raise ValueError("seconds, 0 to 60")
    return int(text)


def _parse_stale(text: str) -> int:
    if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or int(text) > MAX_KEY_STALE_SECONDS:
        raise ValueError("seconds, 0 to 3600")
    return int(text)


def _parse_tier_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9:.-]{0,63}", text, re.ASCII):
        raise ValueError("the name of a tier")
    return text


class _Reader:
    """Collects faults while it reads, so that one error can name them all."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._faults: list[str] = []

    def text(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def choice(self, name: str, allowed: tuple[str, ...], *, default: str) -> str:
        value = self.text(name) or default
        if value not in allowed:
            self._faults.append(f"{name} must be one of {', '.join(allowed)}")
        return value

    def parsed(self, name: str, parse: Callable[[str], T], default: T) -> T:
        value = self.text(name)
        if not value:
            return default
        try:
            return parse(value)
        except ValueError as error:
            self._faults.append(f"{name} must be {error}")
            return default

    def region(self) -> Region:
        """Our own code wins where it is set (local regions); on AWS the runtime names the region."""
        code, aws_region = self.text("EDGE_REGION"), self.text("AWS_REGION")
        found = BY_CODE.get(code) if code else BY_AWS_REGION.get(aws_region)
        if found is None:
            name = "EDGE_REGION" if code else "AWS_REGION"
            self._faults.append(f"{name} must be a region of the catalogue in edge/regions.py")
            return next(iter(BY_CODE.values()))
        return found

    def raise_faults(self) -> None:
        if self._faults:
            raise SettingsError(self._faults)
