"""
Request signing: RFC 9421 HTTP Message Signatures with HMAC-SHA256, as the closed profile ``edge-sign/v1``.

A signature covers method, authority, path, query and the body's digest, is good for five minutes, once, in one region.

What is signed

- :mod:`~edge.signing.target`: method and URL as the components ``@method @authority @path @query``
- :mod:`~edge.signing.content_digest`: the body as ``Content-Digest`` (RFC 9530)
- :mod:`~edge.signing.signature_base`: the bytes that are signed, :mod:`~edge.signing.profile`: what the profile fixes

Keys and the two ends

- :mod:`~edge.signing.keys`: a key of each API key and region, derived; :mod:`~edge.signing.primitives`: MAC and HKDF
- :mod:`~edge.signing.sign`: :func:`~edge.signing.sign.sign`
- :mod:`~edge.signing.verify`: :func:`~edge.signing.verify.verify`, with :mod:`~edge.signing.fields`,
  :mod:`~edge.signing.dictionary` and :mod:`~edge.signing.signature_input`, which read what came

Once

- :mod:`~edge.signing.nonces`: what it asks of a store, and how long that must remember;
  :mod:`~edge.signing.memory`, :mod:`~edge.signing.dynamo`: the two stores

Over HTTP

- :mod:`~edge.signing.signers`: whether the API key behind a signature is still good
- :mod:`~edge.signing.wire`: JSON of the routes ``/api/sign/request`` and ``/api/sign/verify``

How it ends: :mod:`~edge.signing.problems`. Nothing here is asynchronous or loads ``cryptography``; what is to know the time is
told it.

Example:
    >>> from edge.clock import ManualClock
    >>> from edge.regions import CDG1
    >>> from edge.signing.keys import SigningKeys
    >>> from edge.signing.memory import MemoryNonceStore
    >>> from edge.signing.sign import sign
    >>> from edge.signing.verify import verify
    >>> clock = ManualClock(now_ms=1_795_179_600_000)
    >>> keys = SigningKeys.parse([{"version": 1, "secret": "A" * 43}])
    >>> signed = sign(method="POST", url="https://api.example/orders?dry=1", body=b"{}",
    ...               key=keys.key_of("k3yOfACaller", CDG1), created=1_795_179_600, expires_in_seconds=60)
    >>> once = MemoryNonceStore(clock)
    >>> verify(method="POST", url="https://api.example/orders?dry=1", headers=signed.headers, body=b"{}", keys=keys,
    ...        region=CDG1, now_seconds=1_795_179_630, nonces=once, request_id="r1").key_id
    'k3yOfACaller.1'
    >>> verify(method="POST", url="https://api.example/orders?dry=1", headers=signed.headers, body=b"{}", keys=keys,
    ...        region=CDG1, now_seconds=1_795_179_631, nonces=once, request_id="r2")
    Traceback (most recent call last):
    edge.signing.problems.Replayed
"""
