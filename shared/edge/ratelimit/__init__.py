"""
The rate limiter: at most L units in any true window of W seconds, one write for an admitted check.

The algorithm and its stores

- :mod:`~edge.ratelimit.window`: the algorithm, sans I/O
- :mod:`~edge.ratelimit.store`: what it asks of a store; :mod:`~edge.ratelimit.memory`, :mod:`~edge.ratelimit.dynamo`
  (with :mod:`~edge.ratelimit.expressions`): the two stores
- :mod:`~edge.ratelimit.limiter`, :mod:`~edge.ratelimit.decisions`, :mod:`~edge.ratelimit.snapshots`: checks subjects
- :mod:`~edge.ratelimit.tiers`, :mod:`~edge.ratelimit.subjects`: what is limited, and who

When things break, and across regions

- :mod:`~edge.ratelimit.guarded_store`, :mod:`~edge.ratelimit.resilient`: goes on without its store, and says so
- :mod:`~edge.ratelimit.scopes`: in this region or in all; :mod:`~edge.ratelimit.home`: in all, exactly, at the subject's home
- :mod:`~edge.ratelimit.published`: in all, without a trip, by :mod:`~edge.ratelimit.component` (one region's part),
  :mod:`~edge.ratelimit.watched_store` (what it has used) and :mod:`~edge.ratelimit.usage_exchange` (who is told, over
  :mod:`~edge.ratelimit.usage_store` and :mod:`~edge.ratelimit.usage_dynamo`)

Its faces

- :mod:`~edge.ratelimit.admission`: lists before limits, shadows, and a reason for each answer
- :mod:`~edge.ratelimit.wire`, :mod:`~edge.ratelimit.headers`: JSON and header fields
- :mod:`~edge.ratelimit.aio`, :mod:`~edge.ratelimit.asgi`, :mod:`~edge.ratelimit.dependency` (with
  :mod:`~edge.ratelimit.gate`, :mod:`~edge.ratelimit.checks`, :mod:`~edge.ratelimit.problems`): for Python services
- :mod:`~edge.ratelimit.access`, :mod:`~edge.ratelimit.cached_access`, :mod:`~edge.ratelimit.access_dynamo`,
  :mod:`~edge.ratelimit.networks`: allow and deny lists

How to use it: docs/ratelimit.md. Why the bound holds: docs/decisions/cumulative-limiter.md.
"""
