"""The control record that names the voters of the metadata quorum (KIP-853).

With dynamic voters (kraft.version 1) the set of voters is itself part of the log: the last such
record holds, whether it is committed or not.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    int16,
    int32,
    message,
    nested,
    string,
    struct,
    uint16,
    uuid,
)


@struct
class Endpoint(Message):
    """Where a voter listens."""

    name: str = string()
    """The listener's name, as CONTROLLER."""
    host: str = string()
    port: int = uint16()


@struct
class KRaftVersionFeature(Message):
    """The versions of the quorum's protocol that a voter can speak."""

    min_supported_version: int = int16()
    max_supported_version: int = int16()


@struct
class Voter(Message):
    """A controller that votes, with one particular disk."""

    voter_id: int = int32()
    voter_directory_id: bytes = uuid()
    endpoints: list[Endpoint] = array(Endpoint)
    kraft_version_feature: KRaftVersionFeature = nested(KRaftVersionFeature)


@message(kind="data", versions="0", flexible="0+")
class VotersRecord(Message):
    """Who votes from here on.

    - 0: all fields (KIP-853)
    """

    version: int = int16()
    voters: list[Voter] = array(Voter)
