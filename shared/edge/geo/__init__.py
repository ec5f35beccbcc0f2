"""
Geo routing: the region that answers a client soonest, the whole ranking, and why.

- :mod:`~edge.geo.router`, :mod:`~edge.geo.decisions`: the decision
- :mod:`~edge.geo.distance`, :mod:`~edge.geo.cables`, :mod:`~edge.geo.latency`: what is estimated of a place nobody measured
- :mod:`~edge.geo.cells`: what was measured there, learned as it comes in
- :mod:`~edge.geo.locations`, :mod:`~edge.geo.countries`, :mod:`~edge.geo.problems`: where the client is
- :mod:`~edge.geo.wire`: the JSON

It does no I/O and decides from memory alone: whoever calls it brings statuses, measurements and the time.
"""
