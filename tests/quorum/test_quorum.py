"""The metadata quorum in its form of one voter."""

from __future__ import annotations

import json

import pytest

from broker.events import Now
from broker.log.disk import MemoryDisk
from broker.quorum.config import QuorumConfig
from broker.quorum.election_state import ElectionState, read_election_state
from broker.quorum.quorum import METADATA_FOLDER, Quorum
from broker.quorum.record_versions import record_version
from broker.wire.errors import StorageError
from broker.wire.messages.metadata_records import (
    BrokerRegistrationChangeRecord,
    FeatureLevelRecord,
    PartitionRecord,
    RegisterBrokerRecord,
)

NOW = Now(1_700_000_000_000_000, 0)
STATE = f"{METADATA_FOLDER}/quorum-state"


def sync(quorum: Quorum, disk: MemoryDisk) -> None:
    disk.sync(quorum.log.paths_to_sync())
    quorum.synced(quorum.log.log_end_offset, NOW)


def opened(disk: MemoryDisk, node_id: int = 1) -> Quorum:
    config = QuorumConfig(node_id=node_id, voters=(node_id,))
    return Quorum.open(disk, config, NOW, NoLuck(), [])


def feature(level: int) -> FeatureLevelRecord:
    return FeatureLevelRecord(name="f", feature_level=level)


@pytest.fixture
def disk() -> MemoryDisk:
    return MemoryDisk()


def test_a_record_is_committed_once_it_is_synced(disk: MemoryDisk) -> None:
    quorum = opened(disk)
    quorum.start(NOW)
    assert quorum.append([feature(1)], NOW) == 2
    assert list(quorum.committed_since(0)) == []
    sync(quorum, disk)
    opening, batch = quorum.committed_since(0)
    assert opening.records == (), "a new leader opens its epoch with a record of its own"
    assert tuple(batch.records) == (feature(1),)
    assert (batch.last_offset, batch.epoch) == (1, 1)


def test_each_start_is_a_new_epoch(disk: MemoryDisk) -> None:
    for epoch in (1, 2, 3):
        quorum = opened(disk)
        quorum.start(NOW)
        assert (quorum.epoch, quorum.leader_id) == (epoch, 1)
        sync(quorum, disk)


def test_an_epoch_is_committed_with_its_first_record_not_before(disk: MemoryDisk) -> None:
    quorum = opened(disk)
    assert not quorum.epoch_is_committed
    quorum.start(NOW)
    assert not quorum.epoch_is_committed
    sync(quorum, disk)
    assert quorum.epoch_is_committed


def test_the_vote_is_durable_before_anything_rests_on_it(disk: MemoryDisk) -> None:
    opened(disk).start(NOW)
    disk.power_loss(NoLuck())
    assert read_election_state(disk, STATE).epoch == 1
    again = opened(disk)
    again.start(NOW)
    assert again.epoch == 2, "an epoch is never used twice"


class NoLuck:
    """Everything that may be lost is lost."""

    def random(self) -> float:
        return 0.0

    def uuid(self) -> bytes:
        return bytes(16)


def test_the_file_is_kafkas(disk: MemoryDisk) -> None:
    opened(disk, 7).start(NOW)
    text = disk.read(STATE, 0, 1000).decode()
    assert json.loads(text) == {
        "clusterId": "",
        "leaderId": 7,
        "leaderEpoch": 1,
        "votedId": -1,
        "appliedOffset": 0,
        "currentVoters": [{"voterId": 7}],
        "data_version": 0,
    }
    assert ElectionState.from_json(text) == ElectionState(1, 7, voters=(7,))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"leaderEpoch": "x"}', "no json"])
def test_a_broken_file_is_refused_by_name(disk: MemoryDisk, text: str) -> None:
    disk.make_folder(METADATA_FOLDER)
    disk.append(STATE, text.encode())
    with pytest.raises(StorageError, match="quorum-state"):
        opened(disk)


def test_records_are_written_in_the_versions_that_kafka_4_3_writes() -> None:
    assert record_version(RegisterBrokerRecord()) == 4
    assert record_version(PartitionRecord()) == 2, "whether replicas are eligible or not"
    unfence = BrokerRegistrationChangeRecord(broker_id=1, broker_epoch=2, fenced=-1)
    assert record_version(unfence) == 0, "the lowest that can say it"
    assert record_version(unfence.replace(in_controlled_shutdown=1)) == 1
