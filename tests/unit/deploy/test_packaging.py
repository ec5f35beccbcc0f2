from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.deploy.artifacts import Artifact, folder_digest, read_build
from infra.deploy.failures import DeployFailed
from infra.deploy.packaging import (
    effective_parameters,
    packaged,
    release_of,
    replica_regions,
    template_key,
)

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT: dict[str, object] = {
    "Parameters": {"Version": {"Default": "1"}, "Endpoints": {"Default": ""}, "Needed": {"Type": "String"}},
    "Globals": {"Function": {"Environment": {"Variables": {"EDGE_VERSION": {"Ref": "Version"}}}}},
    "Resources": {
        "Geo": {
            "Type": "AWS::Serverless::Function",
            "Metadata": {"SamResourceId": "Geo"},
            "Properties": {
                "CodeUri": "Geo",
                "Environment": {
                    "Variables": {
                        "ENDPOINTS": {"Ref": "Endpoints"},
                        "TABLE": {"Ref": "Table"},
                        "NAMED": {"Fn::Sub": "${Version}-keys"},
                        "MIXED": {"Fn::Sub": "${AWS::Region}-${Version}"},
                        "ATTRIBUTE": {"Fn::Sub": "${Table.Arn}-${Version}"},
                    }
                },
            },
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {"TableName": {"Fn::Sub": "${AWS::StackName}-t"}},
        },
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": {"Ref": "Version"}}},
    },
}


def artifact(tmp_path: Path) -> Artifact:
    folder = tmp_path / "Geo"
    folder.mkdir(exist_ok=True)
    (folder / "app.py").write_text("handler = 1\n")
    return Artifact("Geo", folder, folder_digest(folder))


def package(tmp_path: Path, **parameters: str) -> dict[str, Any]:
    text = packaged(
        DOCUMENT, {"Geo": artifact(tmp_path)}, bucket="b", parameters=parameters, stack_name="kaizen-edge"
    )
    found: dict[str, Any] = json.loads(text)
    return found


def test_code_is_named_by_its_content(tmp_path: Path) -> None:
    properties = package(tmp_path)["Resources"]["Geo"]["Properties"]

    assert properties["CodeUri"] == f"s3://b/artifacts/{artifact(tmp_path).digest[:40]}.zip"


def test_settings_of_functions_are_bound_so_that_a_change_publishes_a_version(tmp_path: Path) -> None:
    found = package(tmp_path, Version="2", Endpoints="sfo1=https://a")

    variables = found["Resources"]["Geo"]["Properties"]["Environment"]["Variables"]
    assert variables == {
        "ENDPOINTS": "sfo1=https://a",
        "TABLE": {"Ref": "Table"},
        "NAMED": "2-keys",
        "MIXED": {"Fn::Sub": "${AWS::Region}-2"},
        "ATTRIBUTE": {"Fn::Sub": "${Table.Arn}-2"},
    }
    assert found["Globals"]["Function"]["Environment"]["Variables"] == {"EDGE_VERSION": "2"}


def test_nothing_else_is_bound_but_the_names_of_tables(tmp_path: Path) -> None:
    found = package(tmp_path, Version="2")["Resources"]

    assert found["Logs"] == {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"RetentionInDays": {"Ref": "Version"}},
    }
    assert found["Table"]["Properties"]["TableName"] == "kaizen-edge-t"


def test_the_built_document_stays_as_it_is(tmp_path: Path) -> None:
    before = json.dumps(DOCUMENT)
    package(tmp_path, Version="2")
    assert json.dumps(DOCUMENT) == before


def test_command_line_beats_stack_beats_default() -> None:
    values = effective_parameters(
        DOCUMENT,
        explicit={"Version": "3", "Unknown": "x"},
        previous={"Version": "2", "Endpoints": "e", "Gone": "g"},
    )
    assert values == {"Version": "3", "Endpoints": "e"}


def test_release_is_of_code_and_settings_and_not_of_endpoints(tmp_path: Path) -> None:
    artifacts = {"Geo": artifact(tmp_path)}
    release = release_of(DOCUMENT, artifacts, {"Version": "1", "Endpoints": ""})

    assert release == release_of(DOCUMENT, artifacts, {"Version": "1", "Endpoints": "known"})
    assert release != release_of(DOCUMENT, artifacts, {"Version": "2", "Endpoints": ""})
    (tmp_path / "Geo" / "app.py").write_text("handler = 2\n")
    other = {"Geo": artifacts["Geo"]._replace(digest=folder_digest(tmp_path / "Geo"))}
    assert release != release_of(DOCUMENT, other, {"Version": "1", "Endpoints": ""})


def test_digest_is_of_names_modes_and_bytes_and_not_of_dates(tmp_path: Path) -> None:
    one = artifact(tmp_path)
    source = one.folder / "app.py"
    source.touch()
    assert folder_digest(one.folder) == one.digest
    source.chmod(0o755)
    executable = folder_digest(one.folder)
    source.rename(one.folder / "other.py")
    assert len({one.digest, executable, folder_digest(one.folder)}) == 3


def test_zip_of_the_same_folder_is_the_same_to_the_byte(tmp_path: Path) -> None:
    from infra.deploy.artifacts import _zip

    one = artifact(tmp_path)
    first = one.zipped()
    _zip.cache_clear()
    (one.folder / "app.py").touch()
    assert one.zipped() == first


def test_placeholder_in_a_value_is_text_and_no_template(tmp_path: Path) -> None:
    """CloudFormation never looks into a parameter's value for placeholders; what is bound here must not be looked into either."""
    found = package(tmp_path, Version="${AWS::AccountId}-${Keys.Arn}", Endpoints="${AWS::Region}")

    variables = found["Resources"]["Geo"]["Properties"]["Environment"]["Variables"]
    assert variables["ENDPOINTS"] == "${AWS::Region}"
    assert variables["NAMED"] == "${AWS::AccountId}-${Keys.Arn}-keys"
    assert variables["MIXED"] == {"Fn::Sub": "${AWS::Region}-${!AWS::AccountId}-${!Keys.Arn}"}
    assert variables["ATTRIBUTE"] == {"Fn::Sub": "${Table.Arn}-${!AWS::AccountId}-${!Keys.Arn}"}


def test_folder_that_changed_after_the_plan_is_not_stored_under_the_digest_of_the_plan(
    tmp_path: Path,
) -> None:
    """Nothing under a digest is ever written again: every later release of that digest would have the wrong code."""
    one = artifact(tmp_path)
    (one.folder / "app.py").write_text("handler = 2\n")
    with pytest.raises(DeployFailed, match="has changed since the plan"):
        one.zipped()


def test_half_a_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeployFailed, match="run `make build`"):
        read_build(tmp_path)
    (tmp_path / "template.yaml").write_text(json.dumps(DOCUMENT))
    (tmp_path / "inputs.sha256").write_text("arm64-abc\n")
    with pytest.raises(DeployFailed, match="Geo: its folder"):
        read_build(tmp_path)
    artifact(tmp_path)
    assert read_build(tmp_path).architecture == "arm64"


def test_template_has_its_digest_for_a_name() -> None:
    assert template_key("{}") == template_key("{}") != template_key("[]")


def test_replicas_are_read_from_the_template() -> None:
    table = {
        "Type": "AWS::DynamoDB::GlobalTable",
        "Properties": {"Replicas": [{"Region": "r1"}, {"Region": "r2"}]},
    }
    assert replica_regions({"Resources": {"T": table, "X": {"Type": "AWS::S3::Bucket"}}}) == {
        "T": ["r1", "r2"]
    }
