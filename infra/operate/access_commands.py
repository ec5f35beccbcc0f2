"""``access``: the lists of who is always let in or never, one item in each region."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from edge.problems import ServiceProblem
from edge.ratelimit.access import AccessList, AccessListInvalid
from edge.ratelimit.access_dynamo import ACCESS_KEY, DynamoAccessSource
from edge.regions import DEPLOYED
from infra.operate.answers import Answer, json_text
from infra.operate.failures import Failure, told
from infra.operate.inputs import read_text

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

    from edge.aws.wire import Item
    from edge.regions import Region
    from infra.operate.place import Place

MAX_ITEM_BYTES: Final = 400 * 1024
"""DynamoDB's limit for an item, names and values in UTF-8."""

MINUTE: Final = "Functions read it within a minute."

_KEY: Final[Item] = {"pk": {"S": ACCESS_KEY}}
_OVERHEAD_BYTES: Final = len("pk") + len(ACCESS_KEY) + len("document")


def get(place: Place, arguments: Namespace) -> Answer:
    """Tell the list of a region, as ``access put`` takes it; with ``--all-regions`` that of each."""
    if arguments.all_regions:
        document: Mapping[str, object] = {region.code: _read(place, region) for region in DEPLOYED}
    else:
        document = _read(place, place.region) or {}
    return Answer(document, json_text(document))


def put(place: Place, arguments: Namespace) -> Answer:
    """Check a list and make it that of the region, or of all."""
    document = _document(read_text(arguments.file))
    try:
        entries = len(AccessList.parse(document))
    except AccessListInvalid as invalid:
        raise Failure("access_list_invalid", f"Nothing was written. {invalid}.") from None
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    item_bytes = _OVERHEAD_BYTES + len(text.encode("utf-8"))
    if item_bytes > MAX_ITEM_BYTES:
        raise Failure(
            "access_list_too_large",
            f"Nothing was written. The list takes {item_bytes} bytes and an item holds {MAX_ITEM_BYTES}; "
            "name networks in place of their addresses.",
        )
    item: Item = {**_KEY, "document": {"S": text}}
    table = _table(place)
    regions = _in_each(
        place,
        arguments,
        lambda region: place.dynamo(region).put_item({"TableName": table, "Item": item}, repeatable=True),
    )
    return Answer(
        {"regions": regions, "entries": entries, "item_bytes": item_bytes},
        f"{entries} entries ({item_bytes} bytes) are the list of {', '.join(regions)}. {MINUTE}",
    )


def clear(place: Place, arguments: Namespace) -> Answer:
    """Delete the list of the region, or of all: nobody is let in or kept out by it."""
    table = _table(place)
    regions = _in_each(
        place,
        arguments,
        lambda region: place.dynamo(region).delete_item({"TableName": table, "Key": _KEY}, repeatable=True),
    )
    return Answer({"regions": regions}, f"No list in {', '.join(regions)}. {MINUTE}")


def _in_each(place: Place, arguments: Namespace, act: Callable[[Region], object]) -> list[str]:
    """Act in the region, or in each; a region that fails keeps no other from it, and is named at the end."""
    done: list[str] = []
    failed: list[str] = []
    for region in DEPLOYED if arguments.all_regions else (place.region,):
        try:
            act(region)
        except ServiceProblem as problem:
            if not arguments.all_regions:
                raise
            failed.append(f"{region.code}: {told(problem).message}")
        else:
            done.append(region.code)
    if failed:
        raise Failure("some_regions_failed", f"Done in {', '.join(done) or 'none'}; {' '.join(failed)}")
    return done


def _read(place: Place, region: Region) -> Mapping[str, object] | None:
    try:
        return DynamoAccessSource(place.dynamo(region), _table(place)).read()
    except ValueError:
        raise Failure("access_list_invalid", f"The list of {region.code} is not JSON; put another.") from None


def _table(place: Place) -> str:
    return f"{place.names.stack}-rate-windows"


def _document(text: str) -> Mapping[str, object]:
    """Return what *text* states; the error tells where it stops to be JSON, and nothing of it."""
    try:
        document = json.loads(text, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise Failure(
            "not_json", f"Nothing was written. Not JSON: line {error.lineno}, column {error.colno}."
        ) from None
    except (RecursionError, ValueError):
        raise Failure("not_json", "Nothing was written. Not JSON: too deep, or too long a number.") from None
    if not isinstance(document, dict):
        raise Failure("access_list_invalid", "Nothing was written. not_an_object.")
    return document


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # The second would silently replace the first, and whom that denied would be let in.
        raise Failure("access_list_invalid", "Nothing was written. A member is there twice.")
    return members
