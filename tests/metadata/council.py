"""A controller on a table: brokers that say what a story lets them say, and a log that appends.

    council = Council(3)                                  # three brokers, registered and unfenced
    council.create("orders", [[1, 2, 3]], min_isr=2)
    council.silence(1)                                    # its session ends; it is fenced
    assert council.partition("orders").leader == 2

Every record goes through its bytes on the way into the log, in the version it is written in. What
was appended is committed at once, unless a story holds it back.
"""

from __future__ import annotations

from typing import Any

from broker.events import Now
from broker.metadata.configs import BrokerConfig
from broker.metadata.controller import Controller
from broker.metadata.features import SUPPORTED
from broker.metadata.image import CONFIG_TOPIC, ClusterImage, PartitionImage
from broker.metadata.topics import NewTopic, plan_topic
from broker.quorum.record_versions import record_version
from broker.wire.codec import decode_metadata_record, encode_metadata_record
from broker.wire.messages.alter_partition import (
    AlterPartitionRequest,
    BrokerState,
    PartitionData,
    PartitionResult,
    TopicData,
)
from broker.wire.messages.broker_heartbeat import BrokerHeartbeatRequest, BrokerHeartbeatResponse
from broker.wire.messages.broker_registration import (
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
    Feature,
    Listener,
)
from broker.wire.messages.metadata_records import ConfigRecord
from broker.wire.schema import Message
from tests.bench import Dice

CONTROLLER = 9
"""The node that the controller is on; it is no broker, so that every broker has a session."""


class Tape:
    """A metadata log whose records are committed as soon as they are appended."""

    def __init__(self) -> None:
        self.records: list[Message] = []
        self.log = self
        self.batches: list[int] = []
        self.is_leader = True
        self.epoch = 1

    @property
    def log_end_offset(self) -> int:
        return len(self.records)

    def append(self, records: list[Message], now: Now) -> int:
        for record in records:
            data = encode_metadata_record(record, record_version(record))
            read, _ = decode_metadata_record(data)
            assert read == record, "nothing gets lost on the way through bytes"
            self.records.append(read)
        if records:
            self.batches.append(len(records))
        return len(self.records)


class Council:
    """A controller, and what happens around it."""

    def __init__(self, brokers: int = 0, **settings: Any) -> None:
        given = {"node.id": CONTROLLER} | {k.replace("_", "."): v for k, v in settings.items()}
        self.config = BrokerConfig.from_settings({k: str(v) for k, v in given.items()})
        self.tape = Tape()
        self.mono_us = 0
        self.dice = Dice()
        self.epochs: dict[int, int] = {}
        self.silent: set[int] = set()
        self.controller = self._controller()
        self.controller.activate(ClusterImage(), self.now)
        for broker_id in range(1, brokers + 1):
            self.join(broker_id)

    def _controller(self) -> Controller:
        tape: Any = self.tape
        return Controller(tape, ClusterImage(), self.config, "the-cluster")

    def fail_over(self, deposed: int = -1) -> None:
        """Another controller takes over, with what is in the log."""
        self.controller.deactivate()
        self.controller = self._controller()
        self.controller.activate(self.image, self.now, deposed)

    # -- what there is ----------------------------------------------------------------------------

    @property
    def now(self) -> Now:
        return Now(1_700_000_000_000_000 + self.mono_us, self.mono_us)

    @property
    def image(self) -> ClusterImage:
        """What a broker would make of the log."""
        records = self.tape.records
        return ClusterImage().replay(records, len(records) - 1, epoch=1)[0]

    def partition(self, topic: str, index: int = 0) -> PartitionImage:
        found = self.controller.latest.partition(topic, index)
        assert found is not None
        return found

    def since(self, offset: int) -> list[Message]:
        """The records from an offset on."""
        return self.tape.records[offset:]

    # -- brokers ----------------------------------------------------------------------------------

    def registration(self, broker_id: int, **says: Any) -> BrokerRegistrationRequest:
        body = BrokerRegistrationRequest(
            broker_id=broker_id,
            cluster_id="the-cluster",
            incarnation_id=self.dice.uuid(),
            listeners=[Listener(name="PLAINTEXT", host=f"broker-{broker_id}", port=9092)],
            features=[
                Feature(name=name, min_supported_version=low, max_supported_version=high)
                for name, (low, high) in SUPPORTED.items()
            ],
            log_dirs=[directory(broker_id)],
        )
        return body.replace(**says)

    def register(self, broker_id: int, **says: Any) -> BrokerRegistrationResponse:
        response, _ = self.controller.register_broker(
            self.registration(broker_id, **says), self.now
        )
        self.epochs[broker_id] = response.broker_epoch
        answer: BrokerRegistrationResponse = response
        return answer

    def heartbeat(self, broker_id: int, **says: Any) -> BrokerHeartbeatResponse:
        body = BrokerHeartbeatRequest(
            broker_id=broker_id,
            broker_epoch=self.epochs[broker_id],
            current_metadata_offset=self.tape.log_end_offset - 1,
        )
        return self.controller.heartbeat(body.replace(**says), self.now)[0]

    def join(self, broker_id: int, **says: Any) -> None:
        """Register, and be unfenced."""
        self.register(broker_id, **says)
        self.heartbeat(broker_id)
        self.silent.discard(broker_id)

    def come_back(self, broker_id: int, clean: bool = True) -> None:
        """A new life of a broker, after a shutdown that was clean or was not."""
        self.join(broker_id, previous_broker_epoch=self.epochs[broker_id] if clean else -1)

    def silence(self, broker_id: int) -> None:
        """A broker is not heard of any more, until its session is over."""
        self.silent.add(broker_id)
        self.wait(self.config.broker_session_timeout_ms + 1)

    def speak(self, broker_id: int) -> None:
        """A broker that was silent is heard of again."""
        self.silent.discard(broker_id)
        self.heartbeat(broker_id)

    def wait(self, ms: int) -> None:
        """Let time pass. Brokers that are not silent send their heartbeats."""
        end = self.mono_us + ms * 1000
        while self.mono_us < end:
            step = min(end, self.mono_us + self.config.broker_heartbeat_interval_ms * 1000)
            self._run_until(step)
            for broker_id in sorted(self.epochs):
                registered = self.controller.latest.brokers.get(broker_id)
                alive = registered is not None and registered.epoch == self.epochs[broker_id]
                if alive and broker_id not in self.silent:
                    self.heartbeat(broker_id)

    def _run_until(self, end: int) -> None:
        while (due := self.controller.deadline()) is not None and due <= end:
            self.mono_us = max(self.mono_us, due)
            self.controller.run(self.now)
        self.mono_us = end

    # -- topics -----------------------------------------------------------------------------------

    def create(self, name: str, replicas: list[list[int]], **settings: Any) -> bytes:
        """A topic with these replicas; `min_isr` and `unclean` are settings of it."""
        names = {"min_isr": "min.insync.replicas", "unclean": "unclean.leader.election.enable"}
        wish = NewTopic(
            name,
            assignments=dict(enumerate(replicas)),
            configs={names[key]: str(value).lower() for key, value in settings.items()},
        )
        topic_id = self.dice.uuid()
        plan = self.controller.plan()
        plan.add(plan_topic(plan.image, self.config, wish, topic_id))
        self.controller.submit(plan, self.now)
        return topic_id

    def set_config(self, topic: str, name: str, value: str) -> None:
        plan = self.controller.plan()
        plan.add(
            [ConfigRecord(resource_type=CONFIG_TOPIC, resource_name=topic, name=name, value=value)]
        )
        self.controller.submit(plan, self.now)

    def alter_isr(
        self, topic: str, isr: list[int], index: int = 0, by: int | None = None, **says: Any
    ) -> PartitionResult:
        """The leader proposes an ISR, in the state that it knows."""
        state = self.partition(topic, index)
        data = PartitionData(
            partition_index=index,
            leader_epoch=state.leader_epoch,
            partition_epoch=state.partition_epoch,
            new_isr_with_epochs=[
                BrokerState(broker_id=i, broker_epoch=self.epochs.get(i, -1)) for i in isr
            ],
        ).replace(**says)
        sender = state.leader if by is None else by
        body = AlterPartitionRequest(
            broker_id=sender,
            broker_epoch=self.epochs[sender],
            topics=[
                TopicData(topic_id=self.controller.latest.topics[topic].topic_id, partitions=[data])
            ],
        )
        response, _ = self.controller.alter_partition(body, self.now)
        return response.topics[0].partitions[0]


def directory(broker_id: int) -> bytes:
    """The directory id of a broker's disk."""
    return bytes(14) + b"\1" + bytes([broker_id])
