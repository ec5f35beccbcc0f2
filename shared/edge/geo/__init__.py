"""
Geo routing: the region that answers a client soonest, the whole ranking, and why.

- :mod:`~edge.geo.router`, :mod:`~edge.geo.decisions`: the decision
- :mod:`~edge.geo.distance`, :mod:`~edge.geo.cables`, :mod:`~edge.geo.latency`: what is estimated of a place nobody measured
- :mod:`~edge.geo.cells`, :mod:`~edge.geo.slots`, :mod:`~edge.geo.teaching`, :mod:`~edge.geo.learning`: what was measured
  there, learned as it comes in, and from whom
- :mod:`~edge.geo.cell_store`, :mod:`~edge.geo.cell_memory`, :mod:`~edge.geo.cells_dynamo`: where regions share it
- :mod:`~edge.geo.locations`, :mod:`~edge.geo.countries`, :mod:`~edge.geo.problems`: where the client is
- :mod:`~edge.geo.wire`: the JSON

A decision does no I/O and needs memory alone: whoever asks for one brings statuses, measurements and the time.
"""
