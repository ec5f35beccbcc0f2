"""
Response optimisation: cache fields, entity tags, conditional requests, minified JSON, negotiated content codings.

Pure: :func:`~edge.optimize.engine.optimise` decides one answer, :mod:`~edge.optimize.wire` is the JSON of
``POST /api/optimize/response``, :mod:`~edge.optimize.middleware` does the same to an ASGI application's answers. It
keeps no cache, makes no partial content, and never decodes what it is given.
"""
