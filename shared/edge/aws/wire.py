"""
Shapes of DynamoDB's JSON, as they are on the wire. Types only: import them under ``TYPE_CHECKING``.

Attribute values stay tagged (``{"N": "1"}``): turning them into Python values costs more than the call's own JSON, and
``N`` as a string is exact to 38 digits where a float is not. ``B`` and the members of ``BS`` are base64 text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, TypedDict


class AttributeValue(TypedDict, total=False):
    """One tagged value; exactly one member is present."""

    S: str
    N: str
    B: str
    BOOL: bool
    NULL: bool
    M: dict[str, AttributeValue]
    L: list[AttributeValue]
    SS: list[str]
    NS: list[str]
    BS: list[str]


Item: TypeAlias = dict[str, AttributeValue]
"""Attribute names to values, as the service answers them."""

Request: TypeAlias = Mapping[str, object] | bytes
"""An operation's parameters, or the same already encoded as JSON in UTF-8."""


class TableDescription(TypedDict, total=False):
    """The part of DescribeTable's answer that we read; the service sends more."""

    TableName: str
    TableStatus: str
    TableArn: str
    ItemCount: int
