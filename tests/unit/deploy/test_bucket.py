from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from infra.deploy.failures import DeployFailed

if TYPE_CHECKING:
    from tests.unit.deploy.fakes import Region


def test_bucket_is_made_closed_encrypted_and_for_tls_alone(region: Region) -> None:
    region.s3.there = False

    region.site.bucket.ensure({"stage": "production"})

    assert region.s3.calls == [
        "create_bucket",
        "put_bucket_tagging",
        "put_public_access_block",
        "put_bucket_encryption",
        "put_bucket_policy",
    ]


@pytest.mark.parametrize(
    "step", ["put_bucket_tagging", "put_public_access_block", "put_bucket_encryption", "put_bucket_policy"]
)
def test_bucket_that_a_dead_run_left_half_closed_is_closed_by_the_next(region: Region, step: str) -> None:
    region.s3.there, region.s3.dies_before = False, step
    with pytest.raises(KeyboardInterrupt):
        region.site.bucket.ensure({})
    region.s3.calls.clear()
    region.s3.dies_before = None

    region.site.bucket.ensure({})
    region.site.bucket.ensure({})

    assert region.s3.calls == [
        "put_bucket_tagging",
        "put_public_access_block",
        "put_bucket_encryption",
        "put_bucket_policy",
    ]


def test_bucket_that_is_there_is_left_alone(region: Region) -> None:
    region.site.bucket.ensure({})
    assert region.s3.calls == []


def test_bucket_that_may_not_be_used_is_told(region: Region) -> None:
    region.s3.refuses = "403"
    with pytest.raises(DeployFailed, match=r"The bucket artifacts \(us-west-1\) cannot be used"):
        region.site.bucket.ensure({})


def test_content_is_made_and_uploaded_once(region: Region) -> None:
    made: list[int] = []

    def content() -> bytes:
        made.append(1)
        return b"zip"

    assert region.site.bucket.put("artifacts/a.zip", content)
    assert not region.site.bucket.put("artifacts/a.zip", content)
    assert (made, region.s3.objects) == ([1], {"artifacts/a.zip": b"zip"})


def test_history_is_json_that_a_person_can_read(region: Region) -> None:
    from infra.deploy.history import Entry
    from infra.deploy.packaging import Revision

    region.site.history.add(Entry(Revision("k", {}, "1", "r"), {}, "2026-11-20T19:00:00Z", "deploy"))

    stored = json.loads(region.s3.objects["history/kaizen-edge.json"])
    assert stored["deployments"][0]["at"] == "2026-11-20T19:00:00Z"
