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
        rate_windows_table: name of the table, or None where the function has no limiter.
        expected_containers: how many of a function share its work at peak; without its table a limiter grants its share.
        rate_tiers: limits that are added to the built-in tiers or replace them: name -> (units, seconds).
    """

    stage: str
    region: Region
    function_name: str
    version: str
    log_level: str
    allowed_origins: frozenset[str]
    max_body_bytes: int
    dynamodb_endpoint: str | None
    rate_windows_table: str | None
    expected_containers: int
    rate_tiers: dict[str, tuple[int, int]]

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
            rate_windows_table=read.parsed("RATE_WINDOWS_TABLE", _parse_table_name, None),
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
        if not re.fullmatch(_ORIGIN, origin, re.ASCII):
            raise ValueError("exact origins such as https://app.example.com, comma-separated")
    return origins


_ORIGIN: Final = (
    r"(https://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|http://(localhost|127\.0\.0\.1|\[::1\]))(:[1-9]\d{0,4})?"
)


def parse_tiers(text: str) -> dict[str, tuple[int, int]]:
    """
    Parse a comma-separated list of limits, each ``name=units/seconds``.

    Raises:
        ValueError: an entry is not such a limit, or a name comes twice.

    Example:
        >>> parse_tiers("default=200/60, login=5/300")
        {'default': (200, 60), 'login': (5, 300)}
    """
    tiers: dict[str, tuple[int, int]] = {}
    for entry in text.split(","):
        found = re.fullmatch(_TIER, entry.strip(), re.ASCII)
        if found is None or found[1] in tiers:
            raise ValueError(
                "limits such as default=200/60, name=units/seconds, comma-separated, each name once"
            )
        tiers[found[1]] = (int(found[2]), int(found[3]))
    return tiers


_TIER: Final = r"([a-z][a-z0-9:.-]{0,63})=([1-9]\d{0,8})/([1-9]\d{0,5})"


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


def _parse_table_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{3,255}", text, re.ASCII):
        raise ValueError("a DynamoDB table name, 3 to 255 of A-Z a-z 0-9 _ . -")
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
