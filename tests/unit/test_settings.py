"""Settings are read once, checked whole, and never quote a value."""

from __future__ import annotations

import pytest

from edge.settings import RateTier, Settings, SettingsError, parse_origins, parse_tiers

PARIS = {"AWS_REGION": "eu-west-3"}


def test_defaults_are_the_secure_ones() -> None:
    settings = Settings.from_env(PARIS)

    assert settings.stage == "production"
    assert settings.region.code == "cdg1"
    assert settings.allowed_origins == frozenset()
    assert settings.log_level == "info"
    assert settings.max_body_bytes == 65_536
    assert settings.dynamodb_endpoint is None


def test_every_variable_is_read() -> None:
    settings = Settings.from_env(
        {
            "EDGE_STAGE": "staging",
            "EDGE_REGION": "hnd1",
            "AWS_REGION": "eu-west-3",
            "AWS_LAMBDA_FUNCTION_NAME": "edge-health",
            "EDGE_VERSION": "1.2.3",
            "LOG_LEVEL": "warn",
            "ALLOWED_ORIGINS": "https://a.example, https://b.example:8443",
            "MAX_BODY_BYTES": "1024",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1/",
            "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:2",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:3",
            "RATE_WINDOWS_TABLE": "edge-windows",
            "RATE_USAGE_TABLE": "edge-usage",
            "SESSIONS_TABLE": "edge-sessions",
            "KEYS_TABLE": "edge-keys",
            "NONCES_TABLE": "edge-nonces",
            "REGION_HEALTH_TABLE": "edge-region-health",
            "TELEMETRY_TABLE": "edge-telemetry",
            "ENABLE_REMOTE_LOGGING": "true",
            "LOG_ENDPOINT": "https://collector.example.com/lines",
            "ENABLE_REMOTE_ERROR_TRACKING": "true",
            "ERROR_TRACKING_ENDPOINT": "https://collector.example.com/errors",
            "UNSHIPPED_QUEUE_URL": "https://sqs.us-west-1.amazonaws.com/123456789012/edge-unshipped",
            "SHIP_TOKEN_SECRET": "edge/ship",
            "AUTH_SECRET": "edge/auth",
            "CDN_SECRET": "edge/cdn",
            "TOKEN_ISSUER": "https://id.example",
            "TOKEN_AUDIENCE": "https://api.example",
            "REFRESH_GRACE_SECONDS": "0",
            "REVOCATION_FAIL_CLOSED": "true",
            "KEY_STALE_SECONDS": "60",
            "ANONYMOUS_TIER": "relaxed",
            "SIGNER_TIER": "burst",
            "ENDPOINTS": "cdg1=https://cdg1.example.com",
            "EXPECTED_CONTAINERS": "12",
            "RATE_TIERS": "login=5/300",
        }
    )

    assert settings == Settings(
        stage="staging",
        region=settings.region,
        function_name="edge-health",
        version="1.2.3",
        log_level="warn",
        allowed_origins=frozenset({"https://a.example", "https://b.example:8443"}),
        max_body_bytes=1024,
        dynamodb_endpoint="http://127.0.0.1:2",
        secrets_endpoint="http://127.0.0.1:3",
        rate_windows_table="edge-windows",
        rate_usage_table="edge-usage",
        sessions_table="edge-sessions",
        keys_table="edge-keys",
        nonces_table="edge-nonces",
        region_health_table="edge-region-health",
        telemetry_table="edge-telemetry",
        enable_remote_logging=True,
        log_endpoint="https://collector.example.com/lines",
        enable_remote_error_tracking=True,
        error_tracking_endpoint="https://collector.example.com/errors",
        unshipped_queue_url="https://sqs.us-west-1.amazonaws.com/123456789012/edge-unshipped",
        ship_token_secret="edge/ship",
        auth_secret="edge/auth",
        cdn_secret="edge/cdn",
        token_issuer="https://id.example",
        token_audience="https://api.example",
        refresh_grace_seconds=0,
        revocation_fail_closed=True,
        key_stale_seconds=60,
        anonymous_tier="relaxed",
        signer_tier="burst",
        endpoints={"cdg1": "https://cdg1.example.com"},
        expected_containers=12,
        rate_tiers={"login": RateTier(5, 300)},
    )
    assert settings.region.code == "hnd1"


def test_one_error_names_every_fault_and_no_value() -> None:
    wrong = {
        "EDGE_STAGE": "secret-1",
        "AWS_REGION": "secret-2",
        "LOG_LEVEL": "secret-3",
        "ALLOWED_ORIGINS": "*",
        "MAX_BODY_BYTES": "0",
        "AWS_ENDPOINT_URL_DYNAMODB": "ftp://secret-4",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": "secret-4",
        "RATE_WINDOWS_TABLE": "se cret-5",
        "RATE_USAGE_TABLE": "se cret-5",
        "SESSIONS_TABLE": "se cret-5",
        "KEYS_TABLE": "se cret-5",
        "NONCES_TABLE": "se cret-5",
        "REGION_HEALTH_TABLE": "se cret-5",
        "TELEMETRY_TABLE": "se cret-5",
        "ENABLE_REMOTE_LOGGING": "secret",
        "LOG_ENDPOINT": "http://secret.example.com/",
        "ENABLE_REMOTE_ERROR_TRACKING": "secret",
        "ERROR_TRACKING_ENDPOINT": "https://user:secret@example.com/",
        "UNSHIPPED_QUEUE_URL": "https://secret",
        "SHIP_TOKEN_SECRET": "se cret-8",
        "CDN_SECRET": "se cret-8",
        "AUTH_SECRET": "se cret-8",
        "TOKEN_ISSUER": "se cret-9",
        "TOKEN_AUDIENCE": "secrét",
        "REFRESH_GRACE_SECONDS": "61",
        "REVOCATION_FAIL_CLOSED": "secret",
        "KEY_STALE_SECONDS": "3601",
        "ANONYMOUS_TIER": "Secret",
        "SIGNER_TIER": "Secret",
        "ENDPOINTS": "owl1=https://secret",
        "EXPECTED_CONTAINERS": "secret-7",
        "RATE_TIERS": "secret-6",
    }
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(wrong)

    message = str(raised.value)
    assert [name for name in wrong if name not in message] == []
    assert len(raised.value.faults) == len(wrong)
    assert "secr" not in message.replace("SECR", "").replace("a secret's name", "")
    assert "se cret" not in message


def test_required_setting_that_is_missing_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="RATE_WINDOWS_TABLE must be set"):
        Settings.from_env(PARIS).require("rate_windows_table")


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "http://app.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://*.example.com",
        "https://user@app.example.com",
        "https://APP.example.com",
        "https://app.example.com:0",
        "https://app.example.com:443",
        "http://localhost:80",
        "https://app.example.com\n",
        "https://-",
        "file://x",
    ],
)
def test_origin_that_is_not_exact_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="origins"):
        parse_origins(f"https://good.example,{origin}x" if origin.endswith("\n") else origin)


@pytest.mark.parametrize("text", ["-1", "1.5", "١", "6291457", "99999999999", "1e3", "0x10"])
def test_body_limit_that_lambda_could_not_keep_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="MAX_BODY_BYTES"):
        Settings.from_env({**PARIS, "MAX_BODY_BYTES": text})


@pytest.mark.parametrize(
    "text",
    [
        "default",
        "default=1",
        "=1/60",
        "default=0/60",
        "default=1/0",
        "a=1/60,a=2/60",
        "A=1/60",
        "a=-1/60",
        "a=1/9999999",
        "a=1/60;owl",
        "a=1/60;soft=0",
        "a=1/60;soft=2",
        "a=1/60;exact;shadow",
        "a=51/60;exact",
        "a=1/60;shadow;shadow",
    ],
)
def test_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="RATE_TIERS"):
        Settings.from_env({**PARIS, "RATE_TIERS": text})


def test_limits_may_be_soft_shadow_and_exact() -> None:
    assert parse_tiers("a=10/60;soft=8,b=5/1;shadow, c=50/1;soft=50;shadow;exact") == {
        "a": RateTier(10, 60, soft_units=8),
        "b": RateTier(5, 1, is_shadow=True),
        "c": RateTier(50, 1, soft_units=50, is_shadow=True, is_exact=True),
    }
