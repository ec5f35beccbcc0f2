"""
The rate limiter: at most L units in any true window of W seconds, one write for an admitted check.

- :mod:`edge.ratelimit.window`: the algorithm, sans I/O
- :mod:`edge.ratelimit.store`: what the algorithm asks of a store
- :mod:`edge.ratelimit.memory`, :mod:`edge.ratelimit.dynamo`: the two stores
- :mod:`edge.ratelimit.limiter`: checks subjects against tiers
- :mod:`edge.ratelimit.tiers`, :mod:`edge.ratelimit.subjects`: what is limited, and who
- :mod:`edge.ratelimit.headers`, :mod:`edge.ratelimit.wire`: how it is told

The proof that the bound holds is in docs/decisions/cumulative-limiter.md.
"""
