"""The simulator's front door: a cluster in virtual time that does what it is told, step by step.

    sim = Simulation(brokers=3, seed=7)
    sim.create_topic("orders", partitions=3)
    shop = sim.producer("shop")
    shop.send("orders", key="A", value="created")
    reader = sim.consumer("reader")
    reader.assign("orders", 0, offset="beginning")
    sim.run_for("2s")
    print(reader.records)

The broker in it is the broker: the same `broker.node.Node` that stands behind a socket, on a disk
in memory. Only time, network and disk are played, and they can be played badly: `sim.crash(1)`,
`sim.cut({1}, {2, 3})`, and all that stands in `broker.sim.mischief`.

A run is its version, seed, options and commands. Commands are what the methods here and on the
clients' handles do; each is one step, written down as plain data with the step at which it was
given. So `fork(step)` needs no copy of anything: it builds another simulation, gives it the same
commands up to that step, and leaves it there for you to go on differently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from broker.client.outcomes import Operation
from broker.log.checkpoints import MetaProperties, write_meta_properties
from broker.node import Node
from broker.sim import commands, rest
from broker.sim.clients import ClientHost, ConsumerHost, ProducerHost
from broker.sim.handles import ConsumerHandle, ProducerHandle
from broker.sim.history import Finding, History, Place
from broker.sim.hosts import BrokerHost, SimulatedEntropy
from broker.sim.mischief import Mischief
from broker.sim.network import Network
from broker.sim.observer import Observer
from broker.sim.options import CODEC_SHARE, RUN_VERSION, Options, broker_config
from broker.sim.trace import Trace
from broker.sim.world import Duration, SimulationError, World, microseconds
from broker.wire.primitives import uuid_text


class Command(NamedTuple):
    """Something that was asked of a run, as plain data."""

    step: int
    name: str
    arguments: dict[str, Any]
    time_us: int


class Simulation(Mischief):
    """One run."""

    def __init__(
        self,
        brokers: int = 1,
        seed: int = 7,
        *,
        trace: bool = True,
        codec: bool | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        """Start the brokers, and wait until they are ready.

        `codec` says whether every message passes through bytes; None leaves it to the seed.
        `settings` are a broker's, under Kafka's names: {"log.retention.check.interval.ms": "1000"}.
        """
        self._build(Options(brokers, codec, dict(settings or {})), seed, trace)
        self.run_until(self._all_ready, within="10m")

    def _build(self, options: Options, seed: int, trace: bool) -> None:
        if not isinstance(options.brokers, int) or options.brokers < 1:
            raise SimulationError(f"a cluster has at least one broker, not {options.brokers!r}")
        self.options = options
        self.world = World(seed)
        codec = options.codec
        if codec is None:
            codec = self.world.dice("codec").random() < CODEC_SHARE
        self.network = Network(self.world, codec)
        self.history = History(self.world)
        self.commands: list[Command] = []
        self.configs = {n: broker_config(n, options) for n in range(1, options.brokers + 1)}
        self._observer = Observer(self.world, self.network, self.history, self._header(), trace)
        self.world.after_step = self._observer.after_step
        for node_id in self.configs:
            host = BrokerHost(node_id, self.network)
            self.network.hosts[str(node_id)] = host
        if options.brokers > 1:
            self._format_disks()
        self._first_step()

    def _format_disks(self) -> None:
        """What `kafka-storage format` does: the nodes of a cluster agree on its id."""
        cluster_id = uuid_text(SimulatedEntropy(self.world.dice("cluster")).uuid())
        for node_id in self.configs:
            host = self.broker(node_id)
            owner = MetaProperties(cluster_id, node_id, host.entropy.uuid())
            write_meta_properties(host.disk, owner)

    def _first_step(self) -> None:
        names = [str(node_id) for node_id in self.configs]
        said = f"brokers {', '.join(names[:-1])} and {names[-1]} start"
        if len(names) == 1:
            said = f"broker {names[0]} starts"
        self._observer.cause("command", "sim", said)
        for node_id in self.configs:
            self.boot(self.broker(node_id))
        self.world.end_step()

    def _header(self) -> dict[str, Any]:
        return {
            "version": RUN_VERSION,
            "seed": self.world.seed,
            "options": self.options.as_json(),
            "commands": self.commands,
        }

    # -- time -----------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Virtual time since the start, in microseconds."""
        return self.world.now_us

    @property
    def steps(self) -> int:
        """How many steps are done."""
        return self.world.steps

    def step(self) -> bool:
        """Let the next thing happen; False if nothing ever will."""
        return self.world.step()

    def run_for(self, duration: Duration) -> None:
        """Let so much virtual time pass."""
        self._run_to(self.now + microseconds(duration))

    def run_until(self, goal: Duration | Callable[[], object], *, within: Duration = "10m") -> None:
        """Run to a time since the start, as "1.5s", or until a condition holds after a step."""
        if not callable(goal):
            self._run_to(microseconds(goal))
            return
        last_us = self.now + microseconds(within)
        while not goal():
            upcoming = self.world.next_time()
            if upcoming is None or upcoming > last_us:
                raise SimulationError(f"it has not come to that within {within}")
            self.world.step()

    def run_until_idle(self, *, within: Duration = "2m") -> None:
        """Run until all that was sent is settled and all readers have read what there is."""
        try:
            self.run_until(lambda: not self.busy(), within=within)
        except SimulationError:
            raise SimulationError(f"not idle within {within}: {self.busy()}") from None

    def _run_to(self, time_us: int) -> None:
        if time_us < self.now:
            raise SimulationError(f"{time_us} us are over: it is {self.now} us already")
        self.world.run_to(time_us)

    def busy(self) -> str:
        """What somebody is still waiting for, in words; empty if all is at rest."""
        return rest.what_is_left(self.network)

    # -- commands -------------------------------------------------------------------------------

    def command(self, name: str, **arguments: Any) -> Any:
        """Give a command: one step, recorded as plain data. The other methods end here."""
        step, time_us = self.world.steps, self.now
        try:
            result = commands.COMMANDS[name](self, **arguments)
        except BaseException:
            self._observer.forget_step()
            raise
        self.commands.append(Command(step, name, arguments, time_us))
        self.world.end_step()
        return result

    def cause(self, kind: str, who: str, text: str) -> None:
        """Say why this step happens."""
        self._observer.cause(kind, who, text)

    def fork(self, step: int | None = None) -> Simulation:
        """Another simulation that has done the same up to and with `step`, to go on differently.

        Handles of clients belong to their run; on the fork ask for them again by name.
        """
        if step is not None and not 0 <= step < self.steps:
            raise SimulationError(f"there is no step {step}: this run has had {self.steps}")
        last = self.steps - 1 if step is None else step
        other = object.__new__(Simulation)
        other._build(self.options, self.world.seed, self._observer.recording)
        for command in self.commands:
            if command.step > last:
                break
            other._replay(command.step - 1)
            other.world.idle_until(command.time_us)
            other.command(command.name, **command.arguments)
        other._replay(last)
        if step is None:
            other.world.idle_until(self.now)
        return other

    def _replay(self, last: int) -> None:
        while self.world.steps <= last:
            if not self.world.step():
                raise SimulationError(f"the replay ends at step {self.steps}: another version?")

    # -- topics ---------------------------------------------------------------------------------

    def create_topic(
        self,
        name: str,
        partitions: int = 1,
        *,
        replication_factor: int | None = None,
        replicas: list[list[int]] | None = None,
        **configs: object,
    ) -> None:
        """Create a topic and wait until it is there; configs as in Kafka: retention_ms=60_000.

        Without a replication factor every partition lies on up to three brokers. `replicas` says
        where each of them lies, the preferred leader first: [[1, 2, 3], [2, 3, 1]].
        """
        settings = {key.replace("_", "."): str(value) for key, value in configs.items()}
        more: dict[str, Any] = {}
        if replication_factor is not None:
            more["replication_factor"] = replication_factor
        if replicas is not None:
            more["replicas"] = replicas
        self._wait_for(
            self.command(
                "create_topic", topic=name, partitions=partitions, configs=settings, **more
            )
        )

    def delete_topic(self, name: str) -> None:
        """Delete a topic and wait until that is done."""
        self._wait_for(self.command("delete_topic", topic=name))

    def configure_topic(self, name: str, **configs: object) -> None:
        """Change settings of a topic, None to take one back, and wait until it is done."""
        settings = {
            key.replace("_", "."): None if value is None else str(value)
            for key, value in configs.items()
        }
        self._wait_for(self.command("configure_topic", topic=name, configs=settings))

    def add_partitions(self, topic: str, partitions: int) -> None:
        """Let a topic have so many partitions, and wait until it has."""
        self._wait_for(self.command("add_partitions", topic=topic, partitions=partitions))

    def elect_leader(self, topic: str, partition: int, *, unclean: bool = False) -> None:
        """Let the preferred replica lead again; unclean: any that lives, whatever it lacks."""
        self._wait_for(
            self.command("elect_leader", topic=topic, partition=partition, unclean=unclean)
        )

    def reassign(self, topic: str, partition: int, replicas: list[int] | None) -> None:
        """Begin to move a partition to other brokers; None calls off what was begun."""
        self._wait_for(
            self.command("reassign", topic=topic, partition=partition, replicas=replicas)
        )

    def _wait_for(self, operation: Operation) -> None:
        self.run_until(lambda: operation.done)
        for key, result in operation.results.items():
            if not result.ok:
                raise SimulationError(f"{operation.name} {key}: {result.code.name}: {result.text}")

    @property
    def topics(self) -> dict[str, int] | None:
        """The topics there are, with their numbers of partitions; None while no broker is up."""
        images = [node.image for node in self.nodes() if node.ready]
        if not images:
            return None
        latest = max(images, key=lambda image: image.offset)
        return {topic.name: len(topic.partitions) for topic in latest.topics.values()}

    def leader_of(self, topic: str, partition: int) -> int | None:
        """Who leads a partition, as the newest metadata on any broker that runs have it."""
        images = [node.image for node in self.nodes()]
        if not images:
            return None
        found = max(images, key=lambda image: image.offset).partition(topic, partition)
        return None if found is None or found.leader < 0 else found.leader

    @property
    def controller(self) -> int | None:
        """The active controller: who leads the quorum in the highest epoch."""
        leaders = [
            (node.quorum.epoch, node.config.node_id)
            for node in self.nodes()
            if node.quorum.is_leader
        ]
        return max(leaders)[1] if leaders else None

    def nodes(self) -> list[Node]:
        """The nodes that run."""
        machines = (self.broker(node_id).machine for node_id in self.configs)
        return [node for node in machines if node is not None]

    # -- clients --------------------------------------------------------------------------------

    def producer(self, name: str, **settings: Any) -> ProducerHandle:
        """A producer of this name: a new one, or the one there is.

        Settings are those of ProducerConfig; `acks` may be "all", and `idempotent` stands for
        `enable_idempotence`.
        """
        if settings or name not in self.network.hosts:
            self.command("producer", client=name, settings=settings)
        return ProducerHandle(self, self._client(name, ProducerHost))

    def consumer(self, name: str, **settings: Any) -> ConsumerHandle:
        """A consumer of this name: a new one, or the one there is.

        Its user polls as soon as something is there; or with `every="100ms"` at that pace, taking
        at most `max_records` each time (1 unless said). Settings are those of ConsumerConfig.
        """
        if settings or name not in self.network.hosts:
            self.command("consumer", client=name, settings=settings)
        return ConsumerHandle(self, self._client(name, ConsumerHost))

    def client(self, name: str) -> ProducerHandle | ConsumerHandle:
        """The handle of a client that exists: after a fork, for instance."""
        host = self.network.hosts.get(name)
        if isinstance(host, ProducerHost):
            return ProducerHandle(self, host)
        return ConsumerHandle(self, self._client(name, ConsumerHost))

    def _client(self, name: str, kind: type[C]) -> C:
        host = self.network.hosts.get(name)
        if isinstance(host, kind):
            return host
        if host is None:
            raise SimulationError(f"there is no client {name!r}")
        raise SimulationError(f"{name!r} is no {kind.kind}")

    def broker(self, node_id: int) -> BrokerHost:
        """The host of a broker."""
        host = self.network.hosts.get(str(node_id))
        if isinstance(host, BrokerHost):
            return host
        raise SimulationError(f"there is no broker {node_id!r}, only {list(self.configs)}")

    def running(self, name: str, kind: type[C]) -> C:
        """A client's host, with a machine that runs on it."""
        host = self._client(name, kind)
        if not host.alive:
            raise SimulationError(f"{name!r} is down: sim.restart({name!r}) starts it again")
        return host

    def boot(self, host: BrokerHost) -> None:
        """Put a node on a broker's host."""
        host.boot(Node(self.configs[host.node_id], host.disk, host.entropy))

    def _all_ready(self) -> bool:
        return all(self.broker(node_id).status == "up" for node_id in self.configs)

    # -- what faults report ---------------------------------------------------------------------

    def power_is_lost(self, host: BrokerHost) -> None:
        """Tell the checks what is about to happen, so that they know what Kafka may lose."""
        self._observer.invariants.power_is_lost(host)

    def bit_is_flipped(self, host: BrokerHost, place: Place, offset: int) -> None:
        """Tell the checks of the damage that is about to be done, and is no bug."""
        self._observer.invariants.bit_is_flipped(host, place, offset)

    # -- what has come of it --------------------------------------------------------------------

    @property
    def trace(self) -> Trace:
        """The run so far, to draw or to save."""
        return self._observer.trace

    def check(self) -> list[Finding]:
        """Everything that was found by now which must not be, or which Kafka allows to happen."""
        self._observer.judge()
        return list(self.history.findings)

    @property
    def violations(self) -> list[Finding]:
        """Those of `check()` that Kafka does not allow. There should never be any."""
        return [finding for finding in self.check() if not finding.allowed]


C = TypeVar("C", bound=ClientHost)
