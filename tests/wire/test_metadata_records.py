"""Records of the metadata log, as Apache Kafka 4.3.1 wrote them, read and written again.

The bytes were taken from the `__cluster_metadata-0` of a single node that started, created a topic,
gave out producer ids, deleted the topic and stopped.
"""

from __future__ import annotations

import pytest

from broker.wire import codec
from broker.wire.errors import FrameError
from broker.wire.messages.control_records import LeaderChangeMessage, SnapshotHeaderRecord, Voter
from broker.wire.messages.metadata_records import (
    BeginTransactionRecord,
    BrokerRegistrationChangeRecord,
    ConfigRecord,
    ControllerEndpoint,
    EndTransactionRecord,
    FeatureLevelRecord,
    NoOpRecord,
    PartitionChangeRecord,
    PartitionRecord,
    ProducerIdsRecord,
    RegisterBrokerRecord,
    RegisterControllerRecord,
    RemoveTopicRecord,
    TopicRecord,
)
from broker.wire.primitives import uuid_from_text, uuid_text
from broker.wire.schema import Message

ORDERS = uuid_from_text("tJoqbm_9Si2bDTgWOWKaoQ")
DISK = bytes.fromhex("0dad4327bbc87f2bc1fc3f9337bb77f3")

WRITTEN_BY_KAFKA: list[tuple[str, int, Message]] = [
    (
        "01170001001212426f6f747374726170207265636f726473",
        0,
        BeginTransactionRecord(name="Bootstrap records"),
    ),
    (
        "010c00116d657461646174612e76657273696f6e001e00",
        0,
        FeatureLevelRecord(name="metadata.version", feature_level=30),
    ),
    (
        "0104000401146d696e2e696e73796e632e7265706c69636173023100",
        0,
        ConfigRecord(resource_type=4, name="min.insync.replicas", value="1"),
    ),
    ("01180000", 0, EndTransactionRecord()),
    ("01140000", 0, NoOpRecord()),
    (
        "01110000000001000000000000000d010001ff",
        0,
        BrokerRegistrationChangeRecord(broker_id=1, broker_epoch=13, fenced=-1),
    ),
    (
        "01110100000001000000000000000e01010101",
        1,
        BrokerRegistrationChangeRecord(broker_id=1, broker_epoch=14, in_controlled_shutdown=1),
    ),
    (
        "01110300000001000000000000000d01030101",
        3,
        BrokerRegistrationChangeRecord(broker_id=1, broker_epoch=13, cordoned_log_dirs=[]),
    ),
    (
        "010200076f7264657273b49a2a6e6ffd4a2d9b0d381639629aa100",
        0,
        TopicRecord(name="orders", topic_id=ORDERS),
    ),
    (
        "01030200000000b49a2a6e6ffd4a2d9b0d381639629aa1020000000102000000010101000000010000000000"
        "000000020dad4327bbc87f2bc1fc3f9337bb77f300",
        2,
        PartitionRecord(
            partition_id=0,
            topic_id=ORDERS,
            replicas=[1],
            isr=[1],
            leader=1,
            leader_epoch=0,
            partition_epoch=0,
            directories=[DISK],
        ),
    ),
    (
        "0105020000000098a4a53577454c91a654204c6b7f8800040001010104ffffffff0605020000000107050200"
        "000001",
        2,
        PartitionChangeRecord(
            partition_id=0,
            topic_id=uuid_from_text("mKSlNXdFTJGmVCBMa3-IAA"),
            isr=[],
            leader=-1,
            eligible_leader_replicas=[1],
            last_known_elr=[1],
        ),
    ),
    (
        "010f0000000001000000000000000d00000000000003e800",
        0,
        ProducerIdsRecord(broker_id=1, broker_epoch=13, next_producer_id=1000),
    ),
    ("010900b49a2a6e6ffd4a2d9b0d381639629aa100", 0, RemoveTopicRecord(topic_id=ORDERS)),
]

REGISTER_BROKER = (
    "0100040000000100ca7723c1b70d4e31975fa192b383456e000000000000000d020a504c41494e544558540a3132"
    "372e302e302e314b0b000000080e73686172652e76657273696f6e0000000100116d657461646174612e76657273"
    "696f6e0007001e0021656c696769626c652e6c65616465722e7265706c696361732e76657273696f6e0000000100"
    "147472616e73616374696f6e2e76657273696f6e00000002001073747265616d732e76657273696f6e0000000100"
    "0e67726f75702e76657273696f6e00000001000e6b726166742e76657273696f6e00000001000001000100110"
    "20dad4327bbc87f2bc1fc3f9337bb77f3"
)
REGISTER_CONTROLLER = (
    "011b00000000018a585ca761874a8e94482986b21e191100020b434f4e54524f4c4c45520a3132372e302e302e31"
    "4aa7000000080e67726f75702e76657273696f6e00000001000e6b726166742e76657273696f6e00000001001"
    "16d657461646174612e76657273696f6e0007001e000e73686172652e76657273696f6e00000001001073747265"
    "616d732e76657273696f6e0000000100147472616e73616374696f6e2e76657273696f6e000000020021656c6967"
    "69626c652e6c65616465722e7265706c696361732e76657273696f6e000000010000"
)


@pytest.mark.parametrize(("written", "version", "record"), WRITTEN_BY_KAFKA, ids=str)
def test_a_record_of_kafka_is_read_and_written_again(
    written: str, version: int, record: Message
) -> None:
    assert codec.decode_metadata_record(bytes.fromhex(written)) == (record, version)
    assert codec.encode_metadata_record(record, version).hex() == written


def test_a_broker_registers_with_its_listeners_features_and_directories() -> None:
    record, version = codec.decode_metadata_record(bytes.fromhex(REGISTER_BROKER))
    assert isinstance(record, RegisterBrokerRecord)
    assert version == 4
    assert [(e.name, e.host, e.port) for e in record.end_points] == [
        ("PLAINTEXT", "127.0.0.1", 19211)
    ]
    assert ("transaction.version", 0, 2) in [
        (f.name, f.min_supported_version, f.max_supported_version) for f in record.features
    ]
    assert (record.fenced, record.rack, record.log_dirs) == (True, None, [DISK])
    assert record.cordoned_log_dirs is None
    assert uuid_text(record.incarnation_id) == "yncjwbcNTjGXX6GSs4NFbg"
    assert codec.encode_metadata_record(record, version).hex() == REGISTER_BROKER


def test_a_controller_registers() -> None:
    record, version = codec.decode_metadata_record(bytes.fromhex(REGISTER_CONTROLLER))
    assert isinstance(record, RegisterControllerRecord)
    assert record.end_points == [
        ControllerEndpoint(name="CONTROLLER", host="127.0.0.1", port=19111)
    ]
    assert codec.encode_metadata_record(record, version).hex() == REGISTER_CONTROLLER


def test_a_record_of_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(FrameError, match="unknown key 99"):
        codec.decode_metadata_record(bytes([1, 99, 0]))


def test_a_record_in_an_unknown_envelope_is_refused() -> None:
    with pytest.raises(FrameError, match="unknown version 2"):
        codec.decode_metadata_record(bytes([2, 20, 0, 0]))


def test_a_leader_says_so_in_a_control_record() -> None:
    written = bytes.fromhex("00000000000102000000010000000000010000")
    with pytest.raises(FrameError):  # one voter is announced, and another list left out
        codec.decode_control_value(2, written)
    written = bytes.fromhex("00000000000102000000010002000000010000")
    change = LeaderChangeMessage(
        leader_id=1, voters=[Voter(voter_id=1)], granting_voters=[Voter(voter_id=1)]
    )
    assert codec.decode_control_value(2, written) == change
    assert codec.encode(change, 0) == written


def test_a_snapshot_begins_with_a_header() -> None:
    written = bytes.fromhex("0000000000000000000000")
    assert codec.decode_control_value(3, written) == SnapshotHeaderRecord()


def test_the_end_of_a_transaction_has_its_version_in_front() -> None:
    """EndTxnMarker has no field for it, unlike the other control records."""
    marker = codec.decode_control_value(1, bytes.fromhex("0000" + "00000007"))
    assert repr(marker) == "EndTxnMarker(coordinator_epoch=7)"


def test_a_control_record_of_an_unknown_type_is_skipped() -> None:
    assert codec.decode_control_value(99, b"\0\0") is None
