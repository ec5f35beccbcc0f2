"""Settings are read once, checked whole, and never quote a value."""

from __future__ import annotations

import pytest

from edge.settings import Settings, SettingsError, parse_origins

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
            "RATE_WINDOWS_TABLE": "edge-windows",
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
        rate_windows_table="edge-windows",
        expected_containers=12,
        rate_tiers={"login": (5, 300)},
    )
    assert settings.region.code == "hnd1"


def test_one_error_names_every_fault_and_no_value() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(
            {
                "EDGE_STAGE": "secret-1",
                "AWS_REGION": "secret-2",
                "LOG_LEVEL": "secret-3",
                "ALLOWED_ORIGINS": "*",
                "MAX_BODY_BYTES": "0",
                "AWS_ENDPOINT_URL": "ftp://secret-4",
                "RATE_WINDOWS_TABLE": "se cret-5",
                "EXPECTED_CONTAINERS": "secret-7",
                "RATE_TIERS": "secret-6",
            }
        )

    message = str(raised.value)
    names = ["EDGE_STAGE", "AWS_REGION", "LOG_LEVEL", "ALLOWED_ORIGINS", "MAX_BODY_BYTES", "AWS_ENDPOINT_URL"]
    assert [
        name
        for name in [*names, "RATE_WINDOWS_TABLE", "RATE_TIERS", "EXPECTED_CONTAINERS"]
        if name not in message
    ] == []
    assert len(raised.value.faults) == 9
    assert "secret" not in message
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
    ],
)
def test_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="RATE_TIERS"):
        Settings.from_env({**PARIS, "RATE_TIERS": text})
