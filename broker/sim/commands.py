"""What can be asked of a run, one function a command.

A command takes plain data, because it is written down and may be given again to a fork. It checks
what it is asked for before it changes anything: a refusal leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from broker.client.config import ACKS_ALL, ConsumerConfig, ProducerConfig
from broker.client.consumer import Consumer
from broker.client.producer import Producer
from broker.events import Entropy
from broker.sim import administration, faults, weather
from broker.sim.administration import ADMIN
from broker.sim.clients import ClientHost, ConsumerHost, ProducerHost, Script
from broker.sim.narration import NO_KEY
from broker.sim.world import START_WALL_US, SimulationError, microseconds
from broker.wire.errors import ConfigError

if TYPE_CHECKING:
    from broker.sim.simulation import Simulation

Settings = dict[str, Any]

# -- clients -------------------------------------------------------------------------------------


def producer(sim: Simulation, client: str, settings: Settings) -> None:
    """A new producer."""
    _check_new(sim, client)
    given = dict(settings)
    if given.get("acks") == "all":
        given["acks"] = ACKS_ALL
    if "idempotent" in given:
        given["enable_idempotence"] = given.pop("idempotent")
    if "linger" in given:
        given["linger_ms"] = microseconds(given.pop("linger")) // 1000
    config = _config(ProducerConfig, client, given)

    def build(entropy: Entropy) -> Producer:
        return Producer(sorted(sim.configs), entropy, config)

    host = ProducerHost(client, sim.network, sim.history, build)
    _add(sim, host)


def consumer(sim: Simulation, client: str, settings: Settings) -> None:
    """A new consumer, with the pace of its user."""
    _check_new(sim, client)
    given = dict(settings)
    every, max_records = given.pop("every", None), given.pop("max_records", None)
    config = _config(ConsumerConfig, client, given)

    def build(entropy: Entropy) -> Consumer:
        return Consumer(sorted(sim.configs), entropy, config)

    host = ConsumerHost(client, sim.network, sim.history, build)
    if every is not None:
        host.every_us = microseconds(every)
        max_records = max_records or 1
    host.max_records = max_records
    _add(sim, host)


def _check_new(sim: Simulation, name: str) -> None:
    if name in sim.network.hosts:
        raise SimulationError(f"{name!r} is there already: ask for it without settings")
    if not name or name.isdigit() or "/" in name or "~" in name or name == ADMIN:
        raise SimulationError(f"{name!r} cannot be a client's name: numbers are brokers")


def _config(kind: Callable[..., Any], name: str, given: Settings) -> Any:
    try:
        return kind(client_id=name, **given)
    except TypeError as error:
        unknown = str(error).rpartition("argument ")[2]
        raise SimulationError(f"{name!r}: there is no setting {unknown}") from None
    except ConfigError as error:
        raise SimulationError(f"{name!r}: {error}") from None


def _add(sim: Simulation, host: ClientHost) -> None:
    sim.cause("command", host.name, f"{host.kind} {host.name} starts")
    sim.network.hosts[host.name] = host
    host.restart()


# -- what producers are told ---------------------------------------------------------------------


def send(
    sim: Simulation,
    client: str,
    topic: str,
    key: str | None,
    value: str | None,
    partition: int | None,
) -> None:
    """Send a record."""
    host = sim.running(client, ProducerHost)
    _check_partition(sim, topic, partition or 0)
    sim.cause("command", client, f"{client} sends {NO_KEY if key is None else key} to {topic}")
    host.send(topic, key, value, partition)


def send_each(
    sim: Simulation,
    client: str,
    topic: str,
    records: list[tuple[str | None, str | None]],
    every: str | int,
    partition: int | None,
) -> None:
    """Send records one after the other, from now on, one in each span of time."""
    host = sim.running(client, ProducerHost)
    _check_partition(sim, topic, partition or 0)
    sim.cause("command", client, f"{client} begins to send {len(records)} records to {topic}")
    every_us = microseconds(every)
    contents = [(key, value) for key, value in records]
    if contents:
        Script(host, topic, contents, partition, every_us).begin()


def flush(sim: Simulation, client: str) -> None:
    """Send at once what lingers."""
    host = sim.running(client, ProducerHost)
    sim.cause("command", client, f"{client} flushes")
    host.flush()


# -- what consumers are told ---------------------------------------------------------------------


def assign(
    sim: Simulation, client: str, topic: str, partition: int | None, offset: str | int | None
) -> None:
    """Give a consumer a partition, or all of a topic, beside those it has."""
    host = sim.running(client, ConsumerHost)
    _check_partition(sim, topic, partition or 0)
    _check_offset(offset)
    indexes = range((sim.topics or {}).get(topic, 1)) if partition is None else [partition]
    which = topic if partition is None else f"{topic}-{partition}"
    start = "" if offset is None else f" from {_said(offset)}"
    sim.cause("command", client, f"{client} is assigned {which}{start}")
    host.assign([(topic, index) for index in indexes], offset)


def seek(sim: Simulation, client: str, topic: str, partition: int, offset: str | int) -> None:
    """Move a consumer's position."""
    host = _assigned(sim, client, topic, partition)
    _check_offset(offset)
    sim.cause("command", client, f"{client} seeks to {_said(offset)} of {topic}-{partition}")
    host.seek((topic, partition), offset)


def seek_to_time(sim: Simulation, client: str, topic: str, partition: int, time: str | int) -> None:
    """Move a consumer's position to the first record of a moment of the run, or after it."""
    host = _assigned(sim, client, topic, partition)
    timestamp_ms = (START_WALL_US + microseconds(time)) // 1000
    sim.cause("command", client, f"{client} seeks to the time {time} in {topic}-{partition}")
    host.seek_to_timestamp((topic, partition), timestamp_ms)


def pause_reading(sim: Simulation, client: str, topic: str, partition: int) -> None:
    """Let a consumer leave a partition alone for a while."""
    host = _assigned(sim, client, topic, partition)
    sim.cause("command", client, f"{client} pauses {topic}-{partition}")
    host.pause_reading((topic, partition))


def resume_reading(sim: Simulation, client: str, topic: str, partition: int) -> None:
    """Let a consumer go on with a partition."""
    host = _assigned(sim, client, topic, partition)
    sim.cause("command", client, f"{client} resumes {topic}-{partition}")
    host.resume_reading((topic, partition))


def set_pace(
    sim: Simulation, client: str, every: str | int | None, max_records: int | None
) -> None:
    """Change how fast a consumer's user handles records."""
    host = sim.running(client, ConsumerHost)
    every_us = None if every is None else microseconds(every)
    text = "as they come" if every is None else f"every {every}"
    sim.cause("command", client, f"{client} handles records {text}")
    host.set_pace(every_us, max_records or (None if every is None else 1))


def _assigned(sim: Simulation, client: str, topic: str, partition: int) -> ConsumerHost:
    host = sim.running(client, ConsumerHost)
    if (topic, partition) not in host.assigned:
        raise SimulationError(f"{client!r} is not assigned {topic}-{partition}: assign it first")
    return host


def _check_offset(offset: str | int | None) -> None:
    wrong = isinstance(offset, bool) or (isinstance(offset, int) and offset < 0)
    if wrong or (isinstance(offset, str) and offset not in ("beginning", "end")):
        raise SimulationError(f"an offset is a number from 0 up, 'beginning' or 'end': {offset!r}")


def _said(offset: str | int) -> str:
    return f"offset {offset}" if isinstance(offset, int) else f"the {offset}"


def _check_partition(sim: Simulation, topic: str, partition: int) -> None:
    """Refuse what does not exist, unless asking for a topic creates it, or nobody knows."""
    topics = sim.topics
    if topics is None:
        return
    if topic not in topics:
        if any(config.auto_create_topics_enable for config in sim.configs.values()):
            return
        raise SimulationError(f"there is no topic {topic!r}: sim.create_topic({topic!r}) makes one")
    if not 0 <= partition < topics[topic]:
        raise SimulationError(
            f"{topic!r} has the partitions 0 to {topics[topic] - 1}, and no {partition}"
        )


COMMANDS: dict[str, Callable[..., Any]] = {
    "producer": producer,
    "consumer": consumer,
    "send": send,
    "send_each": send_each,
    "flush": flush,
    "assign": assign,
    "seek": seek,
    "seek_to_time": seek_to_time,
    "pause_reading": pause_reading,
    "resume_reading": resume_reading,
    "set_pace": set_pace,
    **administration.COMMANDS,
    **faults.COMMANDS,
    **weather.COMMANDS,
}
