"""Voters record: the declarations."""

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
    """Endpoint."""

    name: str = string()
    host: str = string()
    port: int = uint16()


@struct
class KRaftVersionFeature(Message):
    """KRaftVersionFeature."""

    min_supported_version: int = int16()
    max_supported_version: int = int16()


@struct
class Voter(Message):
    """Voter."""

    voter_id: int = int32()
    voter_directory_id: bytes = uuid()
    endpoints: list[Endpoint] = array(Endpoint)
    kraft_version_feature: KRaftVersionFeature = nested(KRaftVersionFeature)


@message(kind="data", versions="0", flexible="0+")
class VotersRecord(Message):
    """VotersRecord."""

    version: int = int16()
    voters: list[Voter] = array(Voter)
