"""
DynamoDB's expressions for writes and amendments, as the text of a request.

Text rather than a dictionary that is encoded afterwards: this is the hottest path of the product, and all that varies
in it are numbers and one string. (A transaction, which takes ten times as long, is a dictionary.) What the attributes mean is told in :mod:`edge.ratelimit.dynamo`.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as json_string
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from edge.ratelimit.store import Amendment, Change, Write

__all__ = ["boundary_name", "json_string", "render_amendment", "render_write", "transaction_element"]


def render_write(table_json: str, key: str, write: Write) -> bytes:
    """
    Return the body of the ``UpdateItem`` that is *write*.

    Args:
        table_json: the table's name as a JSON string.
        key: of the item.
        write: what to do.
    """
    update, condition, values = _expressions(write)
    return _request(table_json, key, update, condition, values)


def transaction_element(table: str, key: str, write: Write) -> dict[str, object]:
    """
    Return the element of a ``TransactWriteItems`` that is *write*: the same expressions, so the same meaning.

    Args:
        table: its name.
        key: of the item.
        write: what to do.
    """
    update, condition, values = _expressions(write)
    return {
        "Update": {
            "TableName": table,
            "Key": {"pk": {"S": key}},
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {f":{name}": {"N": str(value)} for name, value in values.items()},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def render_amendment(table_json: str, key: str, amendment: Amendment) -> bytes:
    """
    Return the body of the ``UpdateItem`` that is *amendment*.

    Args:
        table_json: the table's name as a JSON string.
        key: of the item.
        amendment: what to do.
    """
    code, seen, amended = amendment
    values = {
        "a": seen.total,
        "t": amended.total,
        "d": amended.total - seen.limit,
        "r": amended.revision,
    }
    sets = [f"t{code}=:t", f"d{code}=:d", f"r{code}=:r"]
    removes = []
    for bucket, total in seen.boundaries.items():
        if bucket not in amended.boundaries:
            removes.append(boundary_name(code, bucket))
        elif amended.boundaries[bucket] != total:
            name = f"b{len(values)}"
            values[name] = amended.boundaries[bucket]
            sets.append(f"{boundary_name(code, bucket)}=:{name}")
    update = "SET " + ",".join(sets) + (f" REMOVE {','.join(removes)}" if removes else "")
    return _request(
        table_json, key, update, f"t{code}=:a AND {_revision(code, seen.revision, values)}", values
    )


def boundary_name(code: str, bucket: int) -> str:
    """
    Return the attribute of *bucket*: its number in base 36 behind ``p`` and the code of the tier.

    Example:
        >>> boundary_name("0ab", 1_795_179_600)
        'p0abtosxg0'
    """
    digits = ""
    while bucket:
        bucket, digit = divmod(bucket, 36)
        digits = _DIGITS[digit] + digits
    return f"p{code}{digits or '0'}"


_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def _expressions(write: Write) -> tuple[str, str, dict[str, int]]:
    """Return the update, the condition, and the values that both name."""
    values = {"x": write.expires_at_seconds}
    sets, removes, conditions = ["x=:x"], list[str](), list[str]()
    for change in write.changes:
        _add_update(change, sets, removes, values)
        condition = _condition(change, values)
        has_alternatives = change.may_begin and change.chain is not None
        conditions.append(f"({condition})" if has_alternatives and len(write.changes) > 1 else condition)
    return _update(sets, removes), " AND ".join(conditions), values


def _request(table_json: str, key: str, update: str, condition: str, values: dict[str, int]) -> bytes:
    values_json = ",".join([f'":{name}":{{"N":"{value}"}}' for name, value in values.items()])
    return (
        f'{{"TableName":{table_json},"Key":{{"pk":{{"S":{json_string(key)}}}}},'
        f'"UpdateExpression":"{update}","ConditionExpression":"{condition}",'
        f'"ExpressionAttributeValues":{{{values_json}}},'
        '"ReturnValues":"ALL_NEW","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}'
    ).encode()


def _update(sets: list[str], removes: list[str]) -> str:
    return f"SET {','.join(sets)} REMOVE {','.join(removes)}" if removes else f"SET {','.join(sets)}"


def _add_update(change: Change, sets: list[str], removes: list[str], values: dict[str, int]) -> None:
    """Add to *sets* and *removes* what *change* does, and to *values* what they name."""
    code = change.counter
    if change.cost:
        boundary = boundary_name(code, change.bucket)
        sets += (
            f"t{code}=if_not_exists(t{code},:z)+:c{code}",
            f"d{code}=if_not_exists(t{code},:z)+:m{code}",
            f"l{code}=:l{code}",
            f"{boundary}=if_not_exists({boundary},if_not_exists(t{code},:z))",
        )
        values |= {
            "z": 0,
            f"c{code}": change.cost,
            f"m{code}": change.cost - change.limit,
            f"l{code}": change.limit,
        }
    if change.new_horizon is not None:
        sets.append(f"h{code}=:h{code}")
        values[f"h{code}"] = change.new_horizon
    if change.new_floor is not None:
        sets.append(f"g{code}=:f{code}")
        removes += [boundary_name(code, bucket) for bucket in change.dead_buckets]


def _condition(change: Change, values: dict[str, int]) -> str:
    """
    Return the condition of *change*, adding to *values* what it names.

    NOT binds tighter than AND, and AND tighter than OR; DynamoDB refuses parentheses that change nothing.
    """
    code = change.counter
    admits = []
    if change.least_total is not None:
        values[f"a{code}"] = change.least_total
        if change.most_total is None:
            between = f"t{code}>=:a{code}"
        else:
            values[f"b{code}"] = change.most_total
            between = f"t{code} BETWEEN :a{code} AND :b{code}"
        admits.append(f"{between} AND {_revision(code, change.revision, values)}")
    if change.chain is not None:
        first, last = change.chain
        # A comparison with a missing attribute is false: a bucket that nobody wrote in does not deny.
        full = " OR ".join([f"{boundary_name(code, bucket)}<=d{code}" for bucket in range(first, last + 1)])
        admits.append(f"l{code}=:l{code} AND NOT ({full})")
    begins = f"attribute_not_exists(t{code})"
    if not admits:
        return begins
    values[f"f{code}"] = change.oldest_bucket if change.new_floor is None else change.new_floor
    any_of = admits[0] if len(admits) == 1 else f"({' OR '.join(admits)})"
    within_horizon = "" if change.new_horizon is None else f"NOT h{code}>:h{code} AND "
    return f"{begins + ' OR ' if change.may_begin else ''}NOT g{code}>:f{code} AND {within_horizon}{any_of}"


def _revision(code: str, revision: int, values: dict[str, int]) -> str:
    """Return the condition that the counter's revision is *revision*; most counters never had an amendment."""
    if not revision:
        return f"attribute_not_exists(r{code})"
    values[f"r{code}"] = revision
    return f"r{code}=:r{code}"
