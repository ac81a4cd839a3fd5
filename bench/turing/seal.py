"""Answers that a glance at the page's source does not show.

A page without a server holds all that is needed to open its answers, so this keeps no secret from somebody who runs
its script. It does keep the answers from whoever looks at the source, or searches it. The key is PBKDF2 (RFC 8018,
HMAC-SHA-256) of the quiz's id; the answers are XORed with SHA-256(key, counter). ``page_parts/seal.js`` is the other
half, in plain JavaScript: browsers offer their own only to pages from secure places.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import pbkdf2_hmac, sha256

ROUNDS = 100_000
"""A fraction of a second in a browser."""
_TAG = 8  # bytes that tell a damaged seal from a whole one


def seal(answers: Sequence[bool], quiz: str) -> str:
    """One answer for each image, as hexadecimal digits."""
    plain = bytes(map(int, answers))
    return _xor(plain + _tag(plain), _key(quiz)).hex()


def unseal(sealed: str, quiz: str) -> list[bool]:
    """The opposite of ``seal``; raises ``ValueError`` for a text that is no seal of that quiz."""
    opened = _xor(bytes.fromhex(sealed), _key(quiz))
    plain, tag = opened[:-_TAG], opened[-_TAG:]
    if not plain or tag != _tag(plain) or not set(plain) <= {0, 1}:
        raise ValueError("the sealed answers do not belong to the quiz")
    return list(map(bool, plain))


def _key(quiz: str) -> bytes:
    return pbkdf2_hmac("sha256", quiz.encode(), b"bench turing", ROUNDS)


def _tag(plain: bytes) -> bytes:
    return sha256(plain).digest()[:_TAG]


def _xor(data: bytes, key: bytes) -> bytes:
    blocks = (sha256(key + counter.to_bytes(4, "big")).digest() for counter in range(-(-len(data) // 32)))
    return bytes(a ^ b for a, b in zip(data, b"".join(blocks), strict=False))
