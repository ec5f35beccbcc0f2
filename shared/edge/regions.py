"""
The region catalogue: the one place that says where Kaizen Edge runs and could run.

Deploy tooling, the local gateway, routing, tests and the README's table all read it.
"""

from __future__ import annotations

from typing import NamedTuple


class Region(NamedTuple):
    """
    One AWS region that the product can route to.

    Attributes:
        code: our name for it, three letters of the nearest airport and a number.
        aws_region: AWS's name.
        place: for people.
        latitude: degrees north, -90 to 90.
        longitude: degrees east, -180 to 180.
        deployed: whether the regional stack runs there by default.
    """

    code: str
    aws_region: str
    place: str
    latitude: float
    longitude: float
    deployed: bool


IAD1 = Region("iad1", "us-east-1", "N. Virginia", 38.95, -77.45, deployed=True)
SFO1 = Region("sfo1", "us-west-1", "N. California", 37.62, -122.38, deployed=True)
CDG1 = Region("cdg1", "eu-west-3", "Paris", 49.01, 2.55, deployed=True)
HND1 = Region("hnd1", "ap-northeast-1", "Tokyo", 35.55, 139.78, deployed=True)
GRU1 = Region("gru1", "sa-east-1", "São Paulo", -23.43, -46.47, deployed=False)
SIN1 = Region("sin1", "ap-southeast-1", "Singapore", 1.36, 103.99, deployed=False)

ROUTABLE: tuple[Region, ...] = (IAD1, SFO1, CDG1, HND1, GRU1, SIN1)
"""Every region that an answer may name."""

DEPLOYED: tuple[Region, ...] = tuple(region for region in ROUTABLE if region.deployed)
"""The regions that the stack is deployed to by default, in catalogue order."""

GLOBAL_STACK_REGION: Region = IAD1
"""Home of what exists once: global tables' first replica, DNS, CDN."""

CANARY_REGION: Region = SFO1
"""The first region of every rollout."""

BY_CODE: dict[str, Region] = {region.code: region for region in ROUTABLE}
BY_AWS_REGION: dict[str, Region] = {region.aws_region: region for region in ROUTABLE}
