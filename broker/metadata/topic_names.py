"""Which topic names are allowed (Kafka's `Topic.validate`).

A name becomes part of a folder's name and of a metric's name, and both have a say: only letters,
digits, ".", "_" and "-"; no longer than 249 characters, so that "-12345" still fits into a file
name; and never two topics that differ in nothing but "." and "_", which metrics cannot tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from broker.wire.errors import ApiError, ErrorCode

NAME_LENGTH_MAX = 249
_LEGAL = re.compile(r"[a-zA-Z0-9._-]+")


def check_topic_name(name: str) -> None:
    """Raise INVALID_TOPIC_EXCEPTION with what is wrong about the name."""
    if name == "":
        problem = "the empty string is not allowed"
    elif name in (".", ".."):
        problem = f"'{name}' is not allowed"
    elif len(name) > NAME_LENGTH_MAX:
        problem = f"its length is {len(name)}, the most is {NAME_LENGTH_MAX}"
    elif not _LEGAL.fullmatch(name):
        problem = f"'{name}' has a character other than letters, digits, '.', '_' and '-'"
    else:
        return
    raise ApiError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"Topic name is invalid: {problem}")


def is_legal_topic_name(name: str) -> bool:
    """Whether a topic may be called that."""
    try:
        check_topic_name(name)
    except ApiError:
        return False
    return True


def check_collision(name: str, others: Iterable[str]) -> None:
    """Raise INVALID_TOPIC_EXCEPTION if another topic differs only in "." and "_"."""
    if "." not in name and "_" not in name:
        return
    unified = name.replace(".", "_")
    for other in others:
        if other != name and other.replace(".", "_") == unified:
            raise ApiError(
                ErrorCode.INVALID_TOPIC_EXCEPTION,
                f"Topic '{name}' collides with existing topic: {other}",
            )
