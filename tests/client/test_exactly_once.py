"""An idempotent producer and a partition that keep Kafka's rules, over a network that keeps none.

Requests get lost before they are written or after, or reach the broker long after their connection
was given up; brokers refuse for a while. In the end each record is in the log exactly once, and in
the order of sending. The same runs without idempotence show that the network is bad enough: there
are duplicates and swaps.
"""

import random
from collections import deque

from broker.client.outcomes import Status
from broker.wire.errors import ErrorCode
from broker.wire.messages.produce import ProduceRequest
from broker.wire.records import BatchHeader, add_to_sequence
from tests.client.producing import Produced, ProducerScene

RECORDS = 60


class Partition:
    """A leader's log: values, and for each producer epoch the last five batches."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self.epoch = -1
        self.batches: deque[tuple[int, int, int]] = deque(maxlen=5)

    def append(self, header: BatchHeader, values: list[str]) -> tuple[ErrorCode, int]:
        """ProducerStateManager and ProducerAppendInfo, for one producer id."""
        if header.producer_id < 0:
            return self._write(values)
        if header.producer_epoch < self.epoch:
            return ErrorCode.INVALID_PRODUCER_EPOCH, -1
        if header.producer_epoch > self.epoch:
            if header.base_sequence != 0:
                return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1
            self.epoch = header.producer_epoch
            self.batches.clear()
        for first, last, offset in self.batches:
            if (first, last) == (header.base_sequence, header.last_sequence):
                return ErrorCode.NONE, offset
        expected = add_to_sequence(self.batches[-1][1], 1) if self.batches else 0
        if header.base_sequence != expected:
            return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1
        code, offset = self._write(values)
        self.batches.append((header.base_sequence, header.last_sequence, offset))
        return code, offset

    def _write(self, values: list[str]) -> tuple[ErrorCode, int]:
        self.values += values
        return ErrorCode.NONE, len(self.values) - len(values)


class Network:
    """Decides what happens to each request."""

    def __init__(self, log: Partition, dice: random.Random) -> None:
        self.log = log
        self.dice = dice
        self.stragglers: deque[Produced] = deque()
        """Requests of connections that were given up. They may still reach the broker."""

    def deal_with(self, request: Produced) -> None:
        """One request meets its fate."""
        fate = self.dice.random()
        if fate < 0.15:
            self.break_connection(request.scene)
        elif fate < 0.30:
            request.refused(ErrorCode.NOT_ENOUGH_REPLICAS)
        else:
            code, offset = self.write(request)
            if fate < 0.45:
                self.break_connection(request.scene)
            elif code is ErrorCode.NONE:
                request.written(offset)
            else:
                request.refused(code)

    def write(self, request: Produced) -> tuple[ErrorCode, int]:
        [values] = request.values.values()
        return self.log.append(request.batch, values)

    def break_connection(self, scene: ProducerScene) -> None:
        for send in scene.open:
            if isinstance(send.body, ProduceRequest):
                self.stragglers.append(Produced(scene, send, send.body))
        scene.lose(1)

    def let_a_straggler_in(self) -> None:
        if self.stragglers and self.dice.random() < 0.3:
            self.write(self.stragglers.popleft())


def run(seed: int, idempotent: bool) -> tuple[Partition, list[int]]:
    dice = random.Random(seed)
    scene = ProducerScene(enable_idempotence=idempotent, linger_ms=1)
    log = Partition()
    network = Network(log, dice)
    deliveries = []
    while len(deliveries) < RECORDS or scene.machine.pending:
        if len(deliveries) < RECORDS and dice.random() < 0.7:
            deliveries.append(scene.send(str(len(deliveries))))
        waiting = [send for send in scene.open if isinstance(send.body, ProduceRequest)]
        if waiting and dice.random() < 0.6:
            network.deal_with(scene.produce())
        network.let_a_straggler_in()
        scene.pass_ms(dice.randrange(30))
    assert all(delivery.status is Status.ACKED for delivery in deliveries)
    return log, [delivery.offset for delivery in deliveries]


def test_each_record_is_written_exactly_once_and_in_order() -> None:
    expected = [str(number) for number in range(RECORDS)]
    for seed in range(25):
        log, offsets = run(seed, idempotent=True)
        assert log.values == expected, f"seed {seed}"
        assert offsets == list(range(RECORDS)), f"seed {seed}"


def test_without_idempotence_the_same_network_duplicates_and_swaps() -> None:
    duplicates = swaps = 0
    for seed in range(10):
        log, _ = run(seed, idempotent=False)
        firsts = list(dict.fromkeys(log.values))
        duplicates += len(log.values) - len(firsts)
        swaps += firsts != sorted(firsts, key=int)
        assert set(log.values) == {str(number) for number in range(RECORDS)}
    assert duplicates > 0
    assert swaps > 0
