"""Plans: whose daily limit the calls of a key count against, and those of the tokens that were issued to it."""

from __future__ import annotations

from typing import Final, Literal

Plan = Literal["free", "pro", "team", "enterprise"]
PLANS: Final[frozenset[Plan]] = frozenset({"free", "pro", "team", "enterprise"})
