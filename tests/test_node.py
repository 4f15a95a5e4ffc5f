"""The life of a broker: start, stop, death of the process, loss of power, a disk that fails."""

from __future__ import annotations

import errno
import random
from itertools import product

import pytest

from broker.api.phase import Phase
from broker.events import DeadlineCame, Synced
from broker.log import checkpoints
from broker.log.disk import MemoryDisk
from broker.metadata.configs import BrokerConfig
from broker.node import Node
from broker.wire.errors import ConfigError, ErrorCode
from broker.wire.records import build_batch
from tests.bench import Bench


def test_a_fresh_broker_serves_and_writes_down_who_it_is() -> None:
    bench = Bench()
    assert bench.node.ready
    owner = checkpoints.read_meta_properties(bench.disk)
    assert owner is not None
    assert owner.node_id == 1


def test_an_idle_broker_waits_for_nothing() -> None:
    assert Bench().node.deadline() is None


def test_a_directory_of_another_node_is_refused() -> None:
    bench = Bench()
    bench.stop()
    with pytest.raises(ConfigError, match=r"node\.id=2: the data directory belongs to node 1"):
        Bench(disk=bench.disk, node_id=2)


def test_everything_is_there_after_a_clean_stop() -> None:
    bench = Bench()
    bench.create_topic("orders", partitions=2)
    bench.produce("orders", "a", "b", partition=1)
    bench.stop()
    assert checkpoints.read_clean_shutdown(bench.disk) is not None
    bench.boot()
    assert checkpoints.read_clean_shutdown(bench.disk) is None
    assert bench.values("orders", partition=1) == ["a", "b"]
    assert bench.produce("orders", "c", partition=1).base_offset == 2


def test_the_death_of_the_process_loses_nothing() -> None:
    bench = Bench()
    bench.create_topic("orders")
    for n in range(50):
        bench.produce("orders", f"{n}")
    bench.kill()
    assert bench.values("orders") == [f"{n}" for n in range(50)]


def test_each_life_leads_in_a_new_epoch() -> None:
    bench = Bench()
    bench.create_topic("orders")
    epochs = []
    for _ in range(3):
        epochs.append(bench.node.image.topics["orders"].partitions[0].leader_epoch)
        bench.kill()
    assert epochs == [0, 2, 4], "one without a leader in between: it was away"


@pytest.mark.parametrize("seed", range(30))
def test_the_loss_of_power_takes_at_most_what_was_not_synced(seed: int) -> None:
    """What Kafka promises: with flush.messages=1 all that was acknowledged, without it a prefix."""
    bench = Bench()
    bench.create_topic("careful", flush_messages=1)
    bench.create_topic("default")
    count = 1 + int(random.Random(seed).random() * 20)
    for n in range(count):
        bench.produce("careful", f"{n}")
        bench.produce("default", f"{n}")
    bench.lose_power(seed)
    written = [f"{n}" for n in range(count)]
    assert bench.values("careful") == written
    left = bench.values("default")
    assert left == written[: len(left)], "a prefix: nothing torn, nothing reordered"


@pytest.mark.parametrize("seed", range(20))
def test_topics_that_were_answered_survive_the_loss_of_power(seed: int) -> None:
    bench = Bench()
    for n in range(5):
        bench.create_topic(f"topic-{n}")
    bench.lose_power(seed)
    assert sorted(bench.node.image.topics) == [f"topic-{n}" for n in range(5)]
    for n in range(5):
        assert bench.produce(f"topic-{n}", "x").error_code == 0


def test_recovery_goes_in_slices_and_the_broker_waits_for_it() -> None:
    bench = Bench()
    bench.create_topic("orders", partitions=3)
    for partition in range(3):
        bench.produce("orders", "x", partition=partition)
    bench.disk.crash()
    bench.boot()
    assert bench.node.phase is Phase.SERVING
    assert [bench.values("orders", partition=p) for p in range(3)] == [["x"]] * 3


def test_a_full_disk_refuses_the_append_and_keeps_what_is_there() -> None:
    bench = Bench()
    bench.create_topic("orders")
    bench.produce("orders", "a")
    bench.disk.fail_next("append", "orders-0", code=errno.ENOSPC)
    assert bench.produce("orders", "b").error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert bench.produce("orders", "c").base_offset == 1
    assert bench.values("orders") == ["a", "c"]


def test_a_failed_sync_takes_the_partition_offline_and_no_other() -> None:
    bench = Bench()
    bench.create_topic("careful", flush_messages=1)
    bench.create_topic("other")
    bench.hold_syncs = True
    number = bench.send(bench.produce_request("careful", bench.batch("a")), version=12)
    sync = bench.held.pop()
    bench.carry_out(bench.node.handle(Synced(sync.token, failed=True), bench.now))
    bench.hold_syncs = False
    storage_error = ErrorCode.KAFKA_STORAGE_ERROR
    answer = bench.answer(number).responses[0].partition_responses[0]
    assert answer.error_code == storage_error
    assert bench.fetch("careful", 0).error_code == storage_error
    assert bench.produce("careful", "b").error_code == storage_error
    assert bench.produce("other", "b").error_code == 0


def test_a_checkpoint_that_cannot_be_written_is_no_harm() -> None:
    bench = Bench()
    bench.create_topic("orders")
    bench.produce("orders", "a")
    bench.disk.fail_next("append", "checkpoint", code=errno.ENOSPC, times=10)
    bench.wait(120_000)
    assert bench.produce("orders", "b").error_code == 0
    bench.kill()
    assert bench.values("orders") == ["a", "b"]


def test_a_stop_that_cannot_write_is_told_and_harms_nothing() -> None:
    bench = Bench()
    bench.create_topic("orders")
    bench.produce("orders", "a")
    bench.disk.fail_next("append", "orders-0", code=errno.ENOSPC)
    bench.carry_out(bench.node.shutdown(bench.now))
    assert bench.node.stopped
    assert "orders-0" in bench.node.failure
    bench.boot()
    assert bench.values("orders") == ["a"]


def test_a_stop_before_the_logs_were_looked_at_is_not_a_clean_one() -> None:
    """Else the next start would trust what the crash before this one has left."""
    bench = Bench()
    bench.create_topic("orders")
    bench.produce("orders", "a")
    bench.wait(120_000)
    points = checkpoints.read_offsets(bench.disk, checkpoints.RECOVERY_POINTS)
    bench.hold_syncs = True
    bench.kill()
    assert bench.node.phase is Phase.ELECTING
    bench.hold_syncs = False
    bench.stop()
    assert checkpoints.read_clean_shutdown(bench.disk) is None
    assert checkpoints.read_offsets(bench.disk, checkpoints.RECOVERY_POINTS) == points


def test_logs_that_a_stop_finds_unopened_are_as_they_were_before() -> None:
    """Trusted if they were closed in order once, and else looked through at the next start."""
    bench = Bench()
    bench.create_topic("orders", partitions=50)
    for opened, in_order in product((1, 12, 16, 24), (False, True)):
        if in_order:
            bench.stop()
        bench.node = Node(BrokerConfig.from_settings({}), bench.disk, bench.dice)
        bench.carry_out(bench.node.start(bench.now))
        while len(bench.node.replicas.partitions) < opened:
            bench.carry_out(bench.node.handle(DeadlineCame(), bench.now))
        assert not bench.node.ready
        bench.stop()
        assert (checkpoints.read_clean_shutdown(bench.disk) is not None) == in_order
        bench.boot()


def test_a_log_that_could_not_be_read_is_looked_at_again_after_a_stop() -> None:
    bench = Bench()
    bench.create_topic("orders", flush_messages=1)
    bench.create_topic("others")
    bench.produce("orders", "a")
    bench.wait(120_000)
    bench.disk.crash()
    bench.disk.fail_next("read", "orders-0")
    bench.boot()
    assert bench.fetch("orders", 0).error_code == ErrorCode.KAFKA_STORAGE_ERROR
    bench.stop()
    assert checkpoints.read_clean_shutdown(bench.disk) is None
    assert checkpoints.read_offsets(bench.disk, checkpoints.RECOVERY_POINTS)["orders", 0] == 1
    bench.boot()
    assert bench.values("orders") == ["a"]


def test_a_sync_that_fails_while_the_broker_stops_is_not_forgotten() -> None:
    bench = Bench()
    bench.create_topic("careful", flush_messages=1)
    bench.hold_syncs = True
    bench.send(bench.produce_request("careful", bench.batch("a")), version=12)
    bench.carry_out(bench.node.shutdown(bench.now))
    under_way = next(sync for sync in bench.held if sync.paths[0].startswith("careful"))
    for other in [sync for sync in bench.held if sync is not under_way]:
        bench.node.handle(Synced(other.token), bench.now)
    assert not bench.node.stopped
    bench.node.handle(Synced(under_way.token, failed=True), bench.now)
    assert bench.node.stopped
    assert bench.node.failure
    assert checkpoints.read_clean_shutdown(bench.disk) is None


def test_metadata_that_make_no_sense_end_the_start_with_a_word() -> None:
    bench = Bench()
    bench.create_topic("orders")
    bench.stop()
    log = "__cluster_metadata-0/00000000000000000000.log"
    nonsense = build_batch([(0, None, b"\1\x7fwhat?", ())], base_offset=99, leader_epoch=1)
    bench.disk.append(log, nonsense)
    bench.boot()
    assert bench.node.stopped
    assert "metadata" in bench.node.failure


def test_a_start_that_finds_no_room_for_its_metadata_tries_again() -> None:
    bench = Bench()
    bench.stop()
    bench.hold_syncs = True
    bench.boot()
    bench.disk.fail_next("append", "__cluster_metadata-0", code=errno.ENOSPC)
    bench.hold_syncs = False
    bench.sync()
    assert bench.node.phase is Phase.REGISTERING
    bench.wait(300)
    assert bench.node.ready


def test_what_was_acknowledged_is_not_hidden_again_by_a_restart() -> None:
    """The end of a log never goes back, not even until its first sync is done (KIP-207)."""
    bench = Bench()
    bench.create_topic("careful", flush_messages=1)
    bench.produce("careful", "a", "b")
    bench.hold_syncs = True
    bench.kill()
    for _ in range(5):
        for sync in [sync for sync in bench.held if sync.paths[0].startswith("__cluster_metadata")]:
            bench.held.remove(sync)
            bench.carry_out(bench.node.handle(Synced(sync.token), bench.now))
        bench.wait(1)
    assert bench.held, "the records, which the crash has left in the page cache"
    assert not bench.node.ready
    bench.sync()
    bench.sync()
    assert bench.node.ready
    assert bench.values("careful") == ["a", "b"]


def test_without_its_metadata_a_broker_stops() -> None:
    bench = Bench(disk=MemoryDisk())
    bench.hold_syncs = True
    from broker.wire.messages.init_producer_id import InitProducerIdRequest

    bench.send(InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=0))
    sync = bench.held.pop()
    bench.carry_out(bench.node.handle(Synced(sync.token, failed=True), bench.now))
    assert bench.node.stopped
    assert "metadata" in bench.node.failure


def test_a_folder_that_belongs_to_nobody_is_kept_aside() -> None:
    bench = Bench()
    bench.stop()
    bench.disk.make_folder("ghost-0")
    bench.disk.append("ghost-0/00000000000000000000.log", b"")
    bench.boot()
    assert not bench.disk.exists("ghost-0")
    assert [name for name in bench.disk.list("") if name.endswith("-stray")]


def test_what_was_touched_is_told_once() -> None:
    bench = Bench()
    bench.create_topic("orders")
    bench.node.drain_touched()
    bench.produce("orders", "a")
    assert bench.node.drain_touched() == [("log", "orders", 0)]
    assert bench.node.drain_touched() == []
