"""
Puts the objects of a function together from its settings: the one place that knows which store stands behind what.

A function calls what it needs while it starts; each opens the region's connection, once. Imports are deferred to the
calls: a function loads what it uses and nothing else.

- :mod:`edge.composition.limits`, :mod:`~edge.composition.callers`: what every guarded route needs
- :mod:`edge.composition.keys`, :mod:`~edge.composition.tokens`: of ``auth``
- :mod:`edge.composition.signing`, :mod:`~edge.composition.routing`: of ``signing`` and ``geo``
- :mod:`edge.composition.health`, :mod:`~edge.composition.drains`, :mod:`~edge.composition.probing`: of ``health``
"""
