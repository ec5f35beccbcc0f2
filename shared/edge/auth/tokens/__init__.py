"""
Access tokens: what one is, who signs it, and a frame that takes nothing else.

``frame`` verifies, by the rules of ``docs/decisions``; ``strict_json`` and ``base64url`` read its parts, ``claims`` judges
them, ``algorithms`` checks signatures. ``keyring`` and ``jwk`` hold the keys, ``key_source`` keeps them fresh,
``secrets`` fetches them, ``generate`` makes them. ``verifier`` puts frame and fresh keys together; ``issuer`` signs.

The package imports nothing by itself. Verifying HS256 loads neither ``jwt`` nor ``cryptography``.
"""
