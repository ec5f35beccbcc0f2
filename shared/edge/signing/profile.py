"""
The profile ``edge-sign/v1``: what a signer of RFC 9421 may choose, chosen (section 1.4 asks applications for that).

=============  ==================================================================================================
components     ``("@method" "@authority" "@path" "@query" "content-digest")``, these, in this order, without parameters
``created``    epoch seconds, at most 300 s ahead of the verifier's clock
``expires``    1 to 300 s after ``created``; the signature is good before it, not at it
``nonce``      16 to 64 of ``A-Z a-z 0-9 _ -``
``keyid``      ``<API key id>.<version of the master secret>``
``alg``        ``hmac-sha256``
``tag``        ``edge-sign/v1:<AWS region>``
=============  ==================================================================================================

All six parameters, in any order: the signer's order is what is signed. No others.
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeAlias

VERSION: Final = "edge-sign/v1"
FAMILY: Final = "edge-sign/"
"""What the tags of all versions begin with; a signature with such a tag is meant for us."""

COMPONENTS: Final = '("@method" "@authority" "@path" "@query" "content-digest")'
ALGORITHM: Final = "hmac-sha256"

ParameterName: TypeAlias = Literal["created", "expires", "nonce", "keyid", "alg", "tag"]
PARAMETERS: Final[tuple[ParameterName, ...]] = ("created", "expires", "nonce", "keyid", "alg", "tag")

MAX_AHEAD_SECONDS: Final = 300
"""
How far ``created`` may lie in the future. How far in the past needs no rule: a signature lives for
:data:`MAX_LIFETIME_SECONDS` from ``created``, so what is 300 s old has expired.
"""

MAX_LIFETIME_SECONDS: Final = 300

NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}")
NONCE_BYTES: Final = 16

API_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
KEY_ID: Final = re.compile(r"([A-Za-z0-9_-]{1,64})\.([1-9][0-9]{0,3})")
SECONDS: Final = re.compile(r"[1-9][0-9]{0,10}")
"""Up to the year 5138; more is refused before it is a number."""

MAX_SECONDS: Final = 99_999_999_999

MAX_SIGNATURE_INPUT_CHARS: Final = 1_024
MAX_SIGNATURE_CHARS: Final = 2_048
"""Others may sign as well: two RSA-4096 signatures and ours fit."""

MAX_CONTENT_DIGEST_CHARS: Final = 512
"""SHA-256 and SHA-512 and some more."""

MAX_HEADERS: Final = 256
MAX_URL_CHARS: Final = 8_192


def tag_of(aws_region: str) -> str:
    """
    Return the tag of signatures for a region.

    Example:
        >>> tag_of("eu-west-3")
        'edge-sign/v1:eu-west-3'
    """
    return f"{VERSION}:{aws_region}"
