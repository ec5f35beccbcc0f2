"""
Whether this region can serve, and which of the others can.

This region, at each question:

- :mod:`edge.health.checks`: what it depends on, asked seldom and all at once; :mod:`edge.health.dynamo`,
  :mod:`edge.health.secrets`: how
- :mod:`edge.health.readiness`: whether it should be sent clients
- :mod:`edge.health.wire`, :mod:`edge.health.health_json`, :mod:`edge.health.negotiation`: how it is told, in two forms

All regions, as they observe each other:

- :mod:`edge.health.probing`: how they are asked, every ten seconds
- :mod:`edge.health.observations`, :mod:`edge.health.observer`: what a region saw of the others, round by round
- :mod:`edge.health.drains`: regions that somebody has taken out, until when
- :mod:`edge.health.verdicts`: what a quorum agrees on
- :mod:`edge.health.region_store`, :mod:`~edge.health.region_memory`, :mod:`~edge.health.region_dynamo`: where it is kept
- :mod:`edge.health.region_watch`: what a router asks, from memory while the store is gone
"""
