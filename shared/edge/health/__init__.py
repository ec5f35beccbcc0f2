"""
Whether this region can serve.

- :mod:`edge.health.readiness`: asks the critical dependency, remembers the answer for a moment
- :mod:`edge.health.dynamo`: the probe of the regional table
- :mod:`edge.health.wire`: how it is told
"""
