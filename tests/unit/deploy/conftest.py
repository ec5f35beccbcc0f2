"""Nothing here talks to AWS."""

from __future__ import annotations

import pytest

from tests.unit.deploy.fakes import Region


@pytest.fixture
def region() -> Region:
    """A region where nothing is deployed."""
    return Region()
