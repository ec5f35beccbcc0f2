"""What ranks the regions for a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.geo.router import Router


def open_router() -> Router:
    """Return what ranks the deployed regions for a client."""
    from edge.geo.router import Router
    from edge.regions import DEPLOYED

    return Router(DEPLOYED)
