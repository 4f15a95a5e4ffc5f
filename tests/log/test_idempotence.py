"""Idempotent producers: a retry is not written twice (KIP-98, KIP-360)."""

from __future__ import annotations

import pytest

from broker.log.disk import Disk, MemoryDisk
from broker.log.log import Log
from broker.log.producer_state import ProducerState, read_snapshot
from broker.wire.errors import ApiError, CorruptRecordError, ErrorCode
from broker.wire.records import ControlType, build_batch, control_key, read_header
from tests.log.stories import T0, at, batch, contents, numbered, open_log, sync

LAST_SEQUENCE = 2**31 - 1


def send(log: Log, sent: bytearray, ms: int = 0) -> tuple[int, bool]:
    """Append a batch: the offset it got, and whether it was there already."""
    appended = log.append(sent, 0, at(ms))
    return appended.base_offset, appended.duplicate


def refused(log: Log, sent: bytearray) -> ErrorCode:
    end = log.log_end_offset
    with pytest.raises(ApiError) as error:
        log.append(sent, 0, at())
    assert log.log_end_offset == end
    return error.value.code


def test_a_retry_is_answered_with_the_offset_it_got_before(disk: Disk) -> None:
    log = open_log(disk)
    assert send(log, numbered(0, 3)) == (0, False)
    assert send(log, numbered(3)) == (3, False)
    assert send(log, numbered(0, 3)) == (0, True)
    assert send(log, numbered(3)) == (3, True)
    assert log.log_end_offset == 4


def test_five_batches_are_remembered_and_no_more(memory: MemoryDisk) -> None:
    log = open_log(memory)
    for sequence in range(6):
        send(log, numbered(sequence))
    for sequence in range(1, 6):
        assert send(log, numbered(sequence)) == (sequence, True)
    assert refused(log, numbered(0)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_a_gap_in_the_sequence_is_refused(memory: MemoryDisk) -> None:
    log = open_log(memory)
    send(log, numbered(0))
    assert refused(log, numbered(2)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(log, numbered(1)) == (1, False)


def test_a_batch_that_overlaps_another_is_no_retry(memory: MemoryDisk) -> None:
    log = open_log(memory)
    send(log, numbered(0, 4))
    assert refused(log, numbered(0, 2)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert refused(log, numbered(2, 4)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_each_producer_counts_for_itself(memory: MemoryDisk) -> None:
    log = open_log(memory)
    send(log, numbered(0, producer=1))
    send(log, numbered(0, producer=2))
    assert send(log, numbered(1, producer=1)) == (2, False)
    assert send(log, numbered(0, producer=2)) == (1, True)


def test_a_zombie_is_fenced_by_its_epoch(memory: MemoryDisk) -> None:
    log = open_log(memory)
    send(log, numbered(0, epoch=1))
    assert refused(log, numbered(0, epoch=0)) is ErrorCode.INVALID_PRODUCER_EPOCH
    assert refused(log, numbered(1, epoch=0)) is ErrorCode.INVALID_PRODUCER_EPOCH


def test_a_new_epoch_begins_at_zero(memory: MemoryDisk) -> None:
    log = open_log(memory)
    send(log, numbered(0))
    assert refused(log, numbered(1, epoch=1)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(log, numbered(0, epoch=1)) == (1, False)


def test_an_unknown_producer_may_begin_anywhere(memory: MemoryDisk) -> None:
    """Its earlier records may have been deleted (KIP-360)."""
    log = open_log(memory)
    assert send(log, numbered(123)) == (0, False)
    assert send(log, numbered(124)) == (1, False)
    assert refused(log, numbered(126)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


def test_sequences_go_on_from_zero_after_the_largest(memory: MemoryDisk) -> None:
    log = open_log(memory)
    send(log, numbered(LAST_SEQUENCE - 1, 4))
    assert send(log, numbered(LAST_SEQUENCE - 1, 4)) == (0, True)
    assert send(log, numbered(2)) == (4, False)

    exact = open_log(MemoryDisk())
    send(exact, numbered(LAST_SEQUENCE))
    assert send(exact, numbered(0)) == (1, False)


def test_an_idle_producer_is_forgotten(memory: MemoryDisk) -> None:
    log = open_log(memory, producer_id_expiration_ms=1000)
    send(log, numbered(0))
    assert log.expire_producers(at(999)) == 0
    assert log.expire_producers(at(1000)) == 1
    assert send(log, numbered(5)) == (1, False)


def test_a_producer_without_sequences_in_an_idempotent_batch_is_refused(
    memory: MemoryDisk,
) -> None:
    log = open_log(memory)
    sent = batch("A", producer_id=7, producer_epoch=0)
    assert refused(log, sent) is ErrorCode.INVALID_RECORD


# -- across restarts -------------------------------------------------------------------------------


def test_a_clean_restart_knows_the_last_batch(disk: Disk) -> None:
    log = open_log(disk)
    for sequence in range(3):
        send(log, numbered(sequence))
    log.close()
    again = open_log(disk, recovery_point=3, clean=True)
    assert send(again, numbered(2)) == (2, True)
    assert send(again, numbered(3)) == (3, False)


def test_a_crash_forgets_no_producer(disk: Disk) -> None:
    log = open_log(disk)
    for sequence in range(8):
        send(log, numbered(sequence))
    again = open_log(disk)
    assert send(again, numbered(3)) == (3, True)
    assert refused(again, numbered(9)) is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(again, numbered(8)) == (8, False)


def test_a_crash_after_many_segments_replays_from_the_last_snapshot(disk: Disk) -> None:
    log = open_log(disk, segment_bytes=1000)
    for sequence in range(100):
        send(log, numbered(sequence))
    sync(log, disk)
    point = log.recovery_point
    for sequence in range(100, 130):
        send(log, numbered(sequence))
    again = open_log(disk, segment_bytes=1000, recovery_point=point)
    assert send(again, numbered(129)) == (129, True)
    assert send(again, numbered(130)) == (130, False)


def test_a_damaged_snapshot_is_not_believed(memory: MemoryDisk) -> None:
    log = open_log(memory)
    send(log, numbered(0))
    log.close()
    memory.flip_bit("orders-0/00000000000000000001.snapshot", 12, 0)
    again = open_log(memory, recovery_point=0)
    assert send(again, numbered(0)) == (0, True)


def test_what_was_cut_off_was_never_sent(disk: Disk) -> None:
    log = open_log(disk)
    for sequence in range(4):
        send(log, numbered(sequence))
    log.truncate_to(2)
    assert send(log, numbered(2)) == (2, False)
    assert send(log, numbered(1)) == (1, True)
    assert contents(log) == {0: "7.0.0", 1: "7.0.1", 2: "7.0.2"}


# -- transactions leave their mark -----------------------------------------------------------------


def end_marker(kind: ControlType, epoch: int = 0) -> bytearray:
    value = bytes.fromhex("0000 00000003")
    return build_batch(
        [(T0, control_key(kind), value, ())],
        producer_id=7,
        producer_epoch=epoch,
        transactional=True,
        control=True,
        base_offset=1,
    )


def test_a_marker_ends_the_transaction_it_finds() -> None:
    state = ProducerState()
    sent = batch("A", producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    state.replay(read_header(sent), memoryview(sent))
    assert state.producers[7].txn_first_offset == 0
    marker = end_marker(ControlType.COMMIT)
    state.replay(read_header(marker), memoryview(marker))
    assert state.producers[7].txn_first_offset == -1
    assert state.producers[7].coordinator_epoch == 3
    assert state.end_offset == 2


def test_an_open_transaction_does_not_expire() -> None:
    state = ProducerState()
    sent = batch("A", producer_id=7, producer_epoch=0, base_sequence=0, transactional=True)
    state.replay(read_header(sent), memoryview(sent))
    assert state.expire(T0 + 10**9, 1000) == 0


# -- the file --------------------------------------------------------------------------------------


def test_a_snapshot_says_what_kafka_would() -> None:
    """Field by field as in ProducerSnapshot.json, version 1."""
    state = ProducerState()
    sent = numbered(5, 3)
    state.update(read_header(sent), 100, sent)
    data = state.snapshot()
    assert data[:2].hex() == "0001"
    assert data[6:].hex(" ", 4) == bytes.fromhex(
        "00000001"  # one entry
        "0000000000000007 0000 00000007"  # producer id, epoch, last sequence
        "0000000000000066 00000002"  # last offset 102, offset delta 2
        "0000018bcfe56800 ffffffff ffffffffffffffff"  # time, coordinator epoch, no transaction
    ).hex(" ", 4)


@pytest.mark.parametrize("damage", [b"", b"\0\1", b"\0\2" + bytes(8), b"\0\1" + bytes(8) + b"x"])
def test_a_snapshot_that_makes_no_sense_is_refused(damage: bytes) -> None:
    with pytest.raises(CorruptRecordError):
        list(read_snapshot(damage))
