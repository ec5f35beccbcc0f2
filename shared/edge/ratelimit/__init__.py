"""
The rate limiter: at most L units in any true window of W seconds, one write for an admitted check.

The algorithm and its stores

- :mod:`~edge.ratelimit.window`: the algorithm, sans I/O
- :mod:`~edge.ratelimit.store`: what it asks of a store; :mod:`~edge.ratelimit.memory`, :mod:`~edge.ratelimit.dynamo`
  (with :mod:`~edge.ratelimit.expressions`): the two stores
- :mod:`~edge.ratelimit.limiter`, :mod:`~edge.ratelimit.decisions`, :mod:`~edge.ratelimit.snapshots`: checks subjects
- :mod:`~edge.ratelimit.tiers`, :mod:`~edge.ratelimit.subjects`: what is limited, and who

When things break, and across regions

- :mod:`~edge.breaker`, :mod:`~edge.ratelimit.resilient`: goes on without its store, and says so
- :mod:`~edge.ratelimit.home`, :mod:`~edge.ratelimit.scopes`: one limit for all regions

Its faces

- :mod:`~edge.ratelimit.wire`, :mod:`~edge.ratelimit.headers`: JSON and header fields
- :mod:`~edge.ratelimit.aio`, :mod:`~edge.ratelimit.asgi`, :mod:`~edge.ratelimit.dependency` (with
  :mod:`~edge.ratelimit.gate`, :mod:`~edge.ratelimit.checks`, :mod:`~edge.ratelimit.problems`): for Python services
- :mod:`~edge.ratelimit.access`, :mod:`~edge.ratelimit.cached_access`, :mod:`~edge.ratelimit.networks`: allow and deny lists

How to use it: docs/ratelimit.md. Why the bound holds: docs/decisions/cumulative-limiter.md.
"""
