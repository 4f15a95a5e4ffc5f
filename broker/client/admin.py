"""The administrator: topics, settings, offsets.

Each command becomes an `Operation`, which is done when there is a result for every key. Each key
goes its own way: to the broker that can answer for it, again if the error is a passing one, until
`default_api_timeout_ms` is over. What ended without a word after it was sent is UNKNOWN: the topic
may have been created.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.client.admin_calls import (
    Call,
    CreateTopics,
    DeleteTopics,
    DescribeCluster,
    DescribeConfigs,
    DescribeTopics,
    IncrementalAlterConfigs,
    ListOffsets,
    Target,
)
from broker.client.admin_cluster import (
    AlterPartitionReassignments,
    CreatePartitions,
    DescribeQuorum,
    ElectLeaders,
    ListPartitionReassignments,
)
from broker.client.admin_types import EVERYTHING, ConfigResource, NewTopic
from broker.client.cluster_view import NO_LEADER, TopicPartition
from broker.client.config import AdminConfig
from broker.client.connections import US_PER_MS, Answer
from broker.client.machine import ClientMachine
from broker.client.metadata import STALE_VIEW
from broker.client.outcomes import Operation, Result, Status
from broker.events import Effect, Entropy, Now
from broker.wire.errors import ErrorCode
from broker.wire.messages.elect_leaders import PREFERRED, UNCLEAN

__all__ = ["Admin", "ConfigResource", "NewTopic"]


@dataclass(slots=True, eq=False)
class _Task:
    """An operation that is not done."""

    call: Call
    operation: Operation
    deadline_us: int
    open: dict[object, None]
    """The keys without a result."""
    asked: dict[object, None] = field(default_factory=dict)
    perhaps_done: dict[object, None] = field(default_factory=dict)
    attempts: int = 0
    retry_at_us: int = 0


class _Question(NamedTuple):
    """The purpose of a request."""

    task: _Task
    keys: list[object]


class Admin(ClientMachine):
    """Administers. See the package's docstring for the whole interface."""

    def __init__(
        self, bootstrap: Sequence[int], entropy: Entropy, config: AdminConfig | None = None
    ) -> None:
        self.config = config or AdminConfig()
        super().__init__(bootstrap, entropy, self.config)
        self._tasks: list[_Task] = []
        self._now_us = 0

    # -- commands ----------------------------------------------------------------------------------

    def create_topics(
        self, topics: Iterable[NewTopic], *, validate_only: bool = False, now: Now
    ) -> tuple[Operation, list[Effect]]:
        """Create topics."""
        return self._begin(CreateTopics({t.name: t for t in topics}, validate_only), now)

    def delete_topics(self, names: Iterable[str], *, now: Now) -> tuple[Operation, list[Effect]]:
        """Delete topics."""
        return self._begin(DeleteTopics(tuple(names)), now)

    def describe_topics(
        self, names: Iterable[str] | None = None, *, now: Now
    ) -> tuple[Operation, list[Effect]]:
        """Describe some topics, or all."""
        keys = (EVERYTHING,) if names is None else tuple(names)
        return self._begin(DescribeTopics(keys), now)

    def describe_cluster(self, *, now: Now) -> tuple[Operation, list[Effect]]:
        """Describe the cluster."""
        return self._begin(DescribeCluster(), now)

    def describe_configs(
        self, resources: Iterable[ConfigResource], *, now: Now
    ) -> tuple[Operation, list[Effect]]:
        """Describe the settings of topics and brokers."""
        return self._begin(DescribeConfigs(tuple(resources)), now)

    def incremental_alter_configs(
        self, changes: Mapping[ConfigResource, Mapping[str, str | None]], *, now: Now
    ) -> tuple[Operation, list[Effect]]:
        """Change settings; None brings a default back."""
        return self._begin(IncrementalAlterConfigs(changes), now)

    def list_offsets(
        self, times: Mapping[TopicPartition, int], *, now: Now
    ) -> tuple[Operation, list[Effect]]:
        """Look up offsets by timestamp, EARLIEST, LATEST or MAX_TIMESTAMP."""
        for where in times:
            self.metadata.watch(where.topic)
        return self._begin(ListOffsets(times), now)

    def create_partitions(
        self,
        counts: Mapping[str, int],
        *,
        assignments: Mapping[str, Sequence[Sequence[int]]] | None = None,
        validate_only: bool = False,
        now: Now,
    ) -> tuple[Operation, list[Effect]]:
        """Give topics more partitions: how many each shall have then."""
        return self._begin(CreatePartitions(counts, assignments or {}, validate_only), now)

    def elect_leaders(
        self,
        partitions: Iterable[TopicPartition] | None = None,
        *,
        unclean: bool = False,
        now: Now,
    ) -> tuple[Operation, list[Effect]]:
        """Let the preferred replica lead again; unclean: any that lives, where nobody leads."""
        keys = (EVERYTHING,) if partitions is None else tuple(partitions)
        return self._begin(ElectLeaders(UNCLEAN if unclean else PREFERRED, keys), now)

    def alter_partition_reassignments(
        self, replicas: Mapping[TopicPartition, Sequence[int] | None], *, now: Now
    ) -> tuple[Operation, list[Effect]]:
        """Move partitions to other brokers; None calls off a move that is under way."""
        return self._begin(AlterPartitionReassignments(replicas), now)

    def list_partition_reassignments(self, *, now: Now) -> tuple[Operation, list[Effect]]:
        """Which partitions are on the move."""
        return self._begin(ListPartitionReassignments(), now)

    def describe_quorum(self, *, now: Now) -> tuple[Operation, list[Effect]]:
        """Describe the metadata quorum."""
        return self._begin(DescribeQuorum(), now)

    def _begin(self, call: Call, now: Now) -> tuple[Operation, list[Effect]]:
        operation = Operation(type(call).__name__)
        deadline = now.mono_us + self.config.default_api_timeout_ms * US_PER_MS
        self._tasks.append(_Task(call, operation, deadline, dict.fromkeys(call.keys)))
        return operation, self._step(now)

    # -- the step ----------------------------------------------------------------------------------

    def _advance(self, now: Now) -> None:
        self._now_us = now.mono_us
        for task in list(self._tasks):
            if now.mono_us >= task.deadline_us:
                self._give_up(task)
            elif task.retry_at_us <= now.mono_us:
                for peer, keys in self._by_peer(task, now).items():
                    self._ask(task, peer, keys, now)
            if not task.open:
                self._finish(task)

    def _deadline(self) -> int | None:
        times = [task.deadline_us for task in self._tasks]
        times += [t.retry_at_us for t in self._tasks if t.retry_at_us > self._now_us]
        return min(times, default=None)

    def _by_peer(self, task: _Task, now: Now) -> dict[int, list[object]]:
        """Whom to ask about the keys that are open. Who is not ready is being approached."""
        peers: dict[int, list[object]] = {}
        for key in task.open:
            if key not in task.asked:
                peer = self._peer(task.call.target(key), now)
                if peer is not None:
                    peers.setdefault(peer, []).append(key)
        return peers

    def _peer(self, target: Target | TopicPartition | int, now: Now) -> int | None:
        if isinstance(target, int):
            return target if self.connections.ready(target, now) else None
        if isinstance(target, TopicPartition):
            node = self.cluster.leader(target)
        elif target is Target.CONTROLLER:
            known = self.cluster.controller_id
            node = None if known == NO_LEADER else known
        else:
            return self.metadata.pick_peer(now)
        if node is None:
            self.metadata.want()
            return None
        return node if self.connections.ready(node, now) else None

    def _ask(self, task: _Task, peer: int, keys: list[object], now: Now) -> None:
        version = self.connections.version(peer, task.call.api)
        if version is None:
            for key in keys:
                self._settle(task, key, _failure(ErrorCode.UNSUPPORTED_VERSION))
            return
        request = task.call.request(keys, version, self.config.request_timeout_ms)
        self.connections.send(peer, request, _Question(task, keys), now)
        task.asked.update(dict.fromkeys(keys))

    def _take(self, answer: Answer, now: Now) -> None:
        question = answer.purpose
        if not isinstance(question, _Question):
            return
        task = question.task
        results: dict[object, Result] = dict.fromkeys(
            question.keys, _failure(ErrorCode.NETWORK_EXCEPTION)
        )
        if answer.response is not None:
            results.update(task.call.results(answer.response))
        retry = False
        for key, result in results.items():
            task.asked.pop(key, None)
            if not result.code.definite:
                task.perhaps_done[key] = None
            if key in task.open and task.call.is_passing(result.code):
                retry = True
                if result.code in STALE_VIEW or result.code is ErrorCode.NOT_CONTROLLER:
                    self.metadata.want()
            else:
                self._settle(task, key, result)
        if retry:
            task.retry_at_us = now.mono_us + self._retry_backoff.delay_us(task.attempts)
            task.attempts += 1

    def _settle(self, task: _Task, key: object, result: Result) -> None:
        if task.operation.done:
            return  # it ran out of time before
        task.open.pop(key, None)
        if key != EVERYTHING or not result.ok:
            task.operation.results[key] = result

    def _give_up(self, task: _Task) -> None:
        text = f"no answer within default_api_timeout_ms={self.config.default_api_timeout_ms}"
        task.perhaps_done.update(task.asked)
        for key in list(task.open):
            self._settle(task, key, Result(ErrorCode.REQUEST_TIMED_OUT, text))

    def _finish(self, task: _Task) -> None:
        self._tasks.remove(task)
        failed = dict(_failed(task.operation))
        if not failed:
            task.operation.status = Status.ACKED
        elif any(key in task.perhaps_done for key in failed):
            task.operation.status = Status.UNKNOWN
        else:
            task.operation.status = Status.FAILED


def _failed(operation: Operation) -> Iterator[tuple[object, Result]]:
    for key, result in operation.results.items():
        if not result.ok:
            yield key, result


def _failure(code: ErrorCode) -> Result:
    return Result(code, code.text)
