"""
The only place that talks to AWS.

A lean DynamoDB client for the hot path: ``dynamo`` the operations, ``jsonrpc`` one signed call with its retries,
``answers`` what an answer means, ``pool`` / ``connection`` / ``http1`` / ``addresses`` / ``tls`` the way there and back,
``sigv4`` and ``credentials`` the signature, ``faults`` what callers can meet, ``wire`` the shapes (types only).

The package imports nothing by itself, so that a function pays only for the parts that it names.
"""
