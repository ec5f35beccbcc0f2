"""A developer's profiles are found by way of botocore, and only where that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge.aws.credentials import CredentialChain
from edge.aws.faults import Unavailable
from edge.clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credentials file that botocore is pointed at, and nothing else that it could find."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return path


def chain(*, shared_config: bool) -> CredentialChain:
    return CredentialChain({}, clock=ManualClock(now_ms=0), shared_config=shared_config)


def test_profile_is_found(profile: Path) -> None:
    profile.write_text(
        "[default]\naws_access_key_id=AKID\naws_secret_access_key=hush\naws_session_token=token\n"
    )

    found = chain(shared_config=True).current()

    assert (found.access_key_id, found.secret_access_key, found.session_token) == ("AKID", "hush", "token")


def test_profile_is_not_looked_at_on_lambda(profile: Path) -> None:
    profile.write_text("[default]\naws_access_key_id=AKID\naws_secret_access_key=hush\n")

    with pytest.raises(Unavailable) as raised:
        chain(shared_config=False).current()
    assert raised.value.fault == "credentials"


@pytest.mark.parametrize("text", ["", "[default]\naws_access_key_id=AKID\n", "[default\nbroken"])
def test_without_a_whole_profile_there_are_no_credentials(profile: Path, text: str) -> None:
    profile.write_text(text)

    with pytest.raises(Unavailable) as raised:
        chain(shared_config=True).current()
    assert not raised.value.outcome_unknown
