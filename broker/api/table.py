"""The APIs that a node has, and the way from a frame to a request.

There are two tables, for a node listens twice: clients and followers come to the broker's listener,
and nodes talk among themselves on the controller's, which has other APIs (Kafka writes into each
schema which listeners it belongs to). An API that is *forwarded* changes the cluster: only the
active controller can do it, and any other broker passes the request on (KIP-590).

A handler's module is imported with the first request for it, which keeps the start of a broker
short. What ApiVersions tells clients is made from these tables, so nothing is ever advertised that
has no handler (Kafka's `ApiKeys`, `RequestContext.parseRequest`).
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from broker.events import RequestArrived
from broker.wire.errors import FrameError
from broker.wire.frames import decode_request, decode_request_header
from broker.wire.primitives import Buffer
from broker.wire.schema import Message


class Api(NamedTuple):
    """One row: the versions that are served, and from where on they are advertised."""

    key: int
    name: str
    module: str
    min_version: int
    max_version: int
    advertised_from: int
    forwarded: bool = False
    """Whether a broker that is not the active controller passes it on."""

    def serves(self, version: int) -> bool:
        """Whether a request of this version can be read and answered."""
        return self.min_version <= version <= self.max_version


PRODUCE, FETCH, LIST_OFFSETS, OFFSET_FOR_LEADER_EPOCH = 0, 1, 2, 23
API_VERSIONS, INIT_PRODUCER_ID, DESCRIBE_QUORUM, ENVELOPE = 18, 22, 55, 58

PLAIN_REQUEST_MAX_BYTES = 2 << 20
"""The most that a request without records may have. Its fields become objects, and an object takes
many times the room of its bytes; two MiB still name 40,000 partitions."""
_KEY_AND_VERSION = struct.Struct(">hh")


def _api(
    key: int,
    name: str,
    module: str,
    versions: tuple[int, int],
    *,
    advertised: int | None = None,
    forwarded: bool = False,
) -> Api:
    first, last = versions
    return Api(
        key, name, module, first, last, first if advertised is None else advertised, forwarded
    )


_REASSIGN, _REASSIGNMENTS = "AlterPartitionReassignments", "ListPartitionReassignments"

APIS: dict[int, Api] = {
    api.key: api
    for api in (
        # Clients built on librdkafka before 2.11.1 want to see Produce from version 0 on and then
        # use a newer one; like Kafka 4 we advertise it and serve from 3 (KIP-896, KAFKA-18659).
        _api(PRODUCE, "Produce", "produce", (3, 13), advertised=0),
        _api(1, "Fetch", "fetch", (4, 18)),
        _api(2, "ListOffsets", "list_offsets", (1, 11)),
        _api(3, "Metadata", "metadata", (0, 13)),
        _api(API_VERSIONS, "ApiVersions", "api_versions", (0, 4)),
        _api(19, "CreateTopics", "create_topics", (2, 7), forwarded=True),
        _api(20, "DeleteTopics", "delete_topics", (1, 6), forwarded=True),
        _api(22, "InitProducerId", "init_producer_id", (0, 5)),
        _api(23, "OffsetForLeaderEpoch", "offset_for_leader_epoch", (2, 4)),
        _api(32, "DescribeConfigs", "describe_configs", (1, 4)),
        _api(35, "DescribeLogDirs", "describe_log_dirs", (1, 5)),
        _api(37, "CreatePartitions", "create_partitions", (0, 3), forwarded=True),
        _api(43, "ElectLeaders", "elect_leaders", (0, 2), forwarded=True),
        _api(44, "IncrementalAlterConfigs", "incremental_alter_configs", (0, 1), forwarded=True),
        _api(45, _REASSIGN, "alter_partition_reassignments", (0, 1), forwarded=True),
        _api(46, _REASSIGNMENTS, "list_partition_reassignments", (0, 0), forwarded=True),
        _api(55, "DescribeQuorum", "describe_quorum", (0, 2), forwarded=True),
        _api(57, "UpdateFeatures", "update_features", (0, 2), forwarded=True),
        _api(60, "DescribeCluster", "describe_cluster", (0, 2)),
        _api(64, "UnregisterBroker", "unregister_broker", (0, 0), forwarded=True),
        _api(75, "DescribeTopicPartitions", "describe_topic_partitions", (0, 0)),
    )
}
"""What the listener for clients and brokers has."""

CONTROLLER_APIS: dict[int, Api] = {
    api.key: api
    for api in (
        _api(1, "Fetch", "raft", (4, 18)),
        APIS[API_VERSIONS],
        *(api for api in APIS.values() if api.forwarded),
        _api(52, "Vote", "raft", (0, 2)),
        _api(53, "BeginQuorumEpoch", "raft", (0, 1)),
        _api(54, "EndQuorumEpoch", "raft", (0, 1)),
        _api(56, "AlterPartition", "controller_apis", (2, 3)),
        _api(ENVELOPE, "Envelope", "envelope", (0, 0)),
        _api(59, "FetchSnapshot", "raft", (0, 1)),
        _api(60, "DescribeCluster", "describe_cluster", (0, 2)),
        _api(62, "BrokerRegistration", "controller_apis", (0, 4)),
        _api(63, "BrokerHeartbeat", "controller_apis", (0, 2)),
        _api(67, "AllocateProducerIds", "controller_apis", (0, 0)),
        _api(70, "ControllerRegistration", "controller_apis", (0, 0)),
    )
}
"""What the listener for controllers has."""

FORWARDED = frozenset(api.key for api in APIS.values() if api.forwarded)
"""What only the active controller can do."""
RAFT = frozenset(api.key for api in CONTROLLER_APIS.values() if api.module == "raft")
"""What the metadata quorum answers."""
RECORDS = frozenset((PRODUCE, FETCH))
"""What clients write and read: this concerns partitions, and nobody else."""
EARLY = frozenset((FETCH, LIST_OFFSETS, OFFSET_FOR_LEADER_EPOCH, API_VERSIONS))
"""What other brokers ask, and are answered, before clients are."""

Handler = Callable[[Any, RequestArrived, Any, Any], Message | None]


class _Handlers(dict[int, Handler]):
    """Each is found when it is first asked for; from then on this is a plain lookup."""

    def __init__(self, apis: dict[int, Api]) -> None:
        self._apis = apis

    def __missing__(self, key: int) -> Handler:
        module = importlib.import_module(f"broker.api.{self._apis[key].module}")
        found: Handler = module.handle
        self[key] = found
        return found


HANDLERS = _Handlers(APIS)
"""The functions that answer the APIs of the table, by key."""
CONTROLLER_HANDLERS = _Handlers(CONTROLLER_APIS)


def read_request(frame: Buffer, connection: int, to_controller: bool = False) -> RequestArrived:
    """Decode a frame. Raises FrameError for what Kafka would close the connection over.

    One exception is made: a client that asks for an ApiVersions newer than ours must learn what we
    have, so that request comes through without its body, as one to be answered in version 0.
    """
    if len(frame) < _KEY_AND_VERSION.size:
        raise FrameError("the frame is too short for a request header")
    key, version = _KEY_AND_VERSION.unpack_from(frame)
    api = (CONTROLLER_APIS if to_controller else APIS).get(key)
    if api is None:
        raise FrameError(f"no API has the key {key}{' here' if to_controller else ''}")
    if len(frame) > PLAIN_REQUEST_MAX_BYTES and key not in (PRODUCE, ENVELOPE):
        raise FrameError(f"{len(frame)} bytes are too many for a {api.name} request")
    if not api.serves(version):
        if key != API_VERSIONS:
            raise FrameError(
                f"{api.name} version {version} is not served, only"
                f" {api.min_version} to {api.max_version}"
            )
        header, _ = decode_request_header(frame)
        return RequestArrived(
            connection, header.correlation_id, key, 0, header.client_id, None, to_controller
        )
    header, body = decode_request(frame)
    return RequestArrived(
        connection, header.correlation_id, key, version, header.client_id, body, to_controller
    )
