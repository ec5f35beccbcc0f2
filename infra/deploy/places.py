"""
What is deployed where: stages, names of stacks and buckets, parameters and tags of each region.

``samconfig.toml`` has a config environment per region, which ``sam deploy`` reads too: there is no second list of
parameters. Regions and their order are those of ``edge.regions``.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from edge.regions import BY_CODE, CANARY_REGION, DEPLOYED
from infra.deploy.failures import DeployFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edge.regions import Region

ROOT: Final = Path(__file__).resolve().parents[2]
GLOBAL: Final = "global"
"""The name, beside the regions' codes, of what exists once."""

MAX_BUCKET_NAME_CHARS: Final = 63
MAX_STACK_NAME_CHARS: Final = 128


class Names(NamedTuple):
    """
    What is called what in one account.

    Attributes:
        stage: development, staging or production.
        stack: the regional stack, one name in every region.
        global_stack: the stack of ``infra/global.yaml``.
    """

    stage: str
    stack: str
    global_stack: str

    @classmethod
    def of(cls, stage: str, *, stack: str | None = None, global_stack: str | None = None) -> Names:
        """
        Return the names of a stage: production has the plain ones, another stage its name behind them.

        Example:
            >>> Names.of("staging").global_stack
            'kaizen-edge-staging-global'
        """
        regional = stack or ("kaizen-edge" if stage == "production" else f"kaizen-edge-{stage}")
        once = global_stack or f"{regional}-global"
        for name in (regional, once):
            plain = name.replace("-", "a").isalnum() and name.isascii() and name[0].isalpha()
            if not plain or len(name) > MAX_STACK_NAME_CHARS:
                raise DeployFailed("usage", f"A stack's name has letters, digits and hyphens: not {name!r}.")
        return cls(stage, regional, once)

    def bucket(self, account: str, aws_region: str) -> str:
        """Return the name of the bucket with the artifacts of a region; it is unique in the world."""
        name = f"{self.stack.lower()}-artifacts-{account}-{aws_region}"
        if len(name) > MAX_BUCKET_NAME_CHARS:
            raise DeployFailed(
                "usage", f"The bucket's name would be too long: choose a --stack shorter than {self.stack!r}."
            )
        return name


class RegionSettings(NamedTuple):
    """
    What ``samconfig.toml`` says of a region.

    Attributes:
        parameters: of the stack.
        tags: of the stack and of what is in it.
    """

    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def read_settings(code: str, path: Path = ROOT / "samconfig.toml") -> RegionSettings:
    """
    Read the config environment of a region.

    Raises:
        DeployFailed: it is not there, or is not as ``sam`` would take it.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))[code]["deploy"]["parameters"]
        return RegionSettings(pairs(found.get("parameter_overrides", ())), pairs(found.get("tags", ())))
    except (OSError, KeyError, TypeError, AttributeError, tomllib.TOMLDecodeError):
        raise DeployFailed(
            "settings", f"{path.name} has no [{code}.deploy.parameters] that can be read."
        ) from None


def pairs(items: Iterable[str]) -> dict[str, str]:
    """
    Split ``NAME=VALUE`` items.

    Raises:
        DeployFailed: an item has no ``=`` or no name.
    """
    found: dict[str, str] = {}
    for item in items:
        name, separator, value = item.partition("=")
        if not separator or not name:
            raise DeployFailed("usage", f"{item!r} is not NAME=VALUE.")
        found[name] = value
    return found


def rollout_order(codes: Sequence[str] = ()) -> tuple[Region, ...]:
    """
    Return the regions in the order of a rollout: the canary region first.

    Args:
        codes: of the regions; empty for all that are deployed by default.
    """
    chosen = [BY_CODE[code] for code in dict.fromkeys(codes)] or list(DEPLOYED)
    return tuple(sorted(chosen, key=lambda region: region != CANARY_REGION))
