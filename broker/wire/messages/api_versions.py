"""ApiVersions: which APIs, in which versions, does this broker serve?

The first request on nearly every connection. For each API the client then picks the highest version
that both sides know, and this is all there is to Kafka's compatibility: old clients talk to new
brokers and the other way round, because neither ever sends what the other cannot read.

Asking must work between any two versions, too. Hence two rules (KIP-511): the header of the
response never becomes flexible; and a broker that does not know the version of the *request*
answers with a body of version 0, error UNSUPPORTED_VERSION, and the one range that matters, its own
for ApiVersions. The client then asks again.
"""

from __future__ import annotations

from broker.wire.schema import (
    Message,
    array,
    boolean,
    int16,
    int32,
    int64,
    message,
    string,
    struct,
)


@message(key=18, kind="request", versions="0-4", flexible="3+")
class ApiVersionsRequest(Message):
    """What do you speak?

    - 0-2: no fields
    - 3: flexible (KIP-482), and the client's name and version (KIP-511)
    - 4: features with a minimum of 0 may be listed in the response (KIP-584, KAFKA-17011)
    """

    client_software_name: str = string(versions="3+", ignorable=True)
    client_software_version: str = string(versions="3+", ignorable=True)


@struct
class ApiVersion(Message):
    """An API and the versions of it that are served, both ends included."""

    api_key: int = int16()
    min_version: int = int16()
    max_version: int = int16()


@struct
class SupportedFeatureKey(Message):
    """A feature that this broker could run, and in which levels (KIP-584)."""

    name: str = string()
    min_version: int = int16()
    max_version: int = int16()


@struct
class FinalizedFeatureKey(Message):
    """A feature that the cluster does run, and at which level (KIP-584)."""

    name: str = string()
    max_version_level: int = int16()
    min_version_level: int = int16()


@message(key=18, kind="response", versions="0-4", flexible="3+")
class ApiVersionsResponse(Message):
    """What this broker speaks.

    - 0: api_keys
    - 1: throttle_time_ms (KIP-124)
    - 2: the response comes at once even when the client is throttled (KIP-219)
    - 3: flexible (KIP-482), though only the body; features, as tagged fields (KIP-584)
    - 4: supported features may have a minimum of 0 (KAFKA-17011)
    """

    error_code: int = int16()
    api_keys: list[ApiVersion] = array(ApiVersion)
    throttle_time_ms: int = int32(versions="1+", ignorable=True)
    supported_features: list[SupportedFeatureKey] = array(
        SupportedFeatureKey, versions="3+", tag=0, ignorable=True
    )
    """In version 3, those with a minimum of 0 must be left out: older Java clients choke on it."""
    finalized_features_epoch: int = int64(versions="3+", tag=1, default=-1, ignorable=True)
    """The metadata offset as of which `finalized_features` hold; -1 if nothing is known."""
    finalized_features: list[FinalizedFeatureKey] = array(
        FinalizedFeatureKey, versions="3+", tag=2, ignorable=True
    )
    zk_migration_ready: bool = boolean(versions="3+", tag=3, ignorable=True)
    """Of the time when clusters moved from ZooKeeper to KRaft."""
