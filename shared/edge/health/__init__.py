"""
Whether this region can serve, and which of the others can.

This region, at each question:

- :mod:`edge.health.readiness`: asks the critical dependency, remembers the answer for a moment
- :mod:`edge.health.dynamo`: the probe of the regional table
- :mod:`edge.health.wire`: how it is told

All regions, as they observe each other (no function runs this yet):

- :mod:`edge.health.observations`, :mod:`edge.health.observer`: what a region saw of the others, round by round
- :mod:`edge.health.drains`: regions that somebody has taken out, until when
- :mod:`edge.health.verdicts`: what a quorum agrees on
- :mod:`edge.health.region_store`, :mod:`~edge.health.region_memory`, :mod:`~edge.health.region_dynamo`: where it is kept
- :mod:`edge.health.region_watch`: what a router asks, from memory while the store is gone
"""
