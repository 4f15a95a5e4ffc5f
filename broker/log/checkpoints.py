"""The small text files of a data directory: what a broker writes down besides the logs.

    meta.properties                       whose directory this is
    .kafka_cleanshutdown                  all logs were closed in order; gone while a broker runs
    recovery-point-offset-checkpoint      up to where each log is known to be on the platter
    replication-offset-checkpoint         each partition's high watermark
    log-start-offset-checkpoint           where a log starts, if within its first segment
    orders-0/leader-epoch-checkpoint      where each leader's term began
    orders-0/partition.metadata           the id of the topic

All are Kafka's, to the byte. A reader never finds half a file: the new text goes to a file beside,
is made durable, and takes the old one's place by a rename, which is atomic. A file that makes no
sense is refused with its name and line; guessing here would mean losing records elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from broker.log.disk import Disk
from broker.log.disk.interface import split
from broker.wire.errors import FrameError, StorageError
from broker.wire.primitives import uuid_from_text, uuid_text

META_PROPERTIES = "meta.properties"
CLEAN_SHUTDOWN = ".kafka_cleanshutdown"
RECOVERY_POINTS = "recovery-point-offset-checkpoint"
HIGH_WATERMARKS = "replication-offset-checkpoint"
LOG_STARTS = "log-start-offset-checkpoint"
CLEANED_TO = "cleaner-offset-checkpoint"
LEADER_EPOCHS = "leader-epoch-checkpoint"
PARTITION_METADATA = "partition.metadata"

_VERSION = 0
BESIDE = ".tmp"
"""The end of a name under which a file's next text lies until it is durable."""

TopicPartition = tuple[str, int]


# -- text, replaced as a whole ---------------------------------------------------------------------


def read_text(disk: Disk, path: str) -> str | None:
    """The text of a small file, None where there is no such file."""
    if not disk.exists(path):
        return None
    try:
        return disk.read(path, 0, disk.size(path)).decode()
    except UnicodeDecodeError:
        raise StorageError(f"{path} is not text") from None


def replace_text(disk: Disk, path: str, text: str, *, durable: bool = True) -> None:
    """Put a new text in a file's place. `durable=False` leaves the syncing to a later moment."""
    replace_bytes(disk, path, text.encode(), durable=durable)


def replace_bytes(disk: Disk, path: str, data: bytes, *, durable: bool = True) -> None:
    """The same for bytes."""
    beside = path + BESIDE
    disk.delete(beside)
    disk.append(beside, data)
    if durable:
        disk.sync_now([beside])
    disk.rename(beside, path)
    if durable:
        disk.sync_now([split(path)[0]])


# -- checkpoints: a version, a count, and that many lines ------------------------------------------


def _read_entries(disk: Disk, path: str, fields: int) -> list[list[str]]:
    """The lines of a checkpoint, cut into their fields (Kafka's CheckpointFile)."""
    lines = (read_text(disk, path) or "").splitlines()
    if len(lines) < 2:
        return []
    if _number(path, 1, lines[0]) != _VERSION:
        raise StorageError(f"{path}, line 1: version {lines[0]} is not {_VERSION}")
    entries = [line.split() for line in lines[2:]]
    for number, entry in enumerate(entries, start=3):
        if len(entry) != fields:
            raise StorageError(f"{path}, line {number}: {lines[number - 1]!r} is malformed")
    if _number(path, 2, lines[1]) != len(entries):
        raise StorageError(f"{path}, line 2: {lines[1]} entries announced, {len(entries)} found")
    return entries


def _number(path: str, line: int, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise StorageError(f"{path}, line {line}: {text!r} is not a number") from None


def _entries_text(lines: Iterable[str]) -> str:
    entries = list(lines)
    return "\n".join([str(_VERSION), str(len(entries)), *entries, ""])


def read_offsets(disk: Disk, path: str) -> dict[TopicPartition, int]:
    """One offset for each partition; empty where the file is not there."""
    return {
        (topic, _number(path, line, index)): _number(path, line, offset)
        for line, (topic, index, offset) in enumerate(_read_entries(disk, path, 3), start=3)
    }


def offsets_text(offsets: Mapping[TopicPartition, int]) -> bytes:
    """A checkpoint of one offset for each partition."""
    lines = (f"{topic} {index} {offset}" for (topic, index), offset in sorted(offsets.items()))
    return _entries_text(lines).encode()


def write_offsets(
    disk: Disk, path: str, offsets: Mapping[TopicPartition, int], *, durable: bool = True
) -> None:
    """Replace a checkpoint of offsets; it is durable when this returns, unless told otherwise."""
    replace_bytes(disk, path, offsets_text(offsets), durable=durable)


def read_epochs(disk: Disk, folder: str) -> list[tuple[int, int]]:
    """The epochs of a log's leaders, each with the offset at which it began."""
    path = f"{folder}/{LEADER_EPOCHS}"
    return [
        (_number(path, line, epoch), _number(path, line, start))
        for line, (epoch, start) in enumerate(_read_entries(disk, path, 2), start=3)
    ]


def write_epochs(
    disk: Disk, folder: str, epochs: Iterable[tuple[int, int]], *, durable: bool = True
) -> None:
    """Replace a log's list of epochs."""
    lines = (f"{epoch} {start}" for epoch, start in epochs)
    path = f"{folder}/{LEADER_EPOCHS}"
    replace_text(disk, path, _entries_text(lines), durable=durable)


# -- whose is it? ----------------------------------------------------------------------------------


def read_partition_metadata(disk: Disk, folder: str) -> bytes | None:
    """The id of the topic that a partition's folder belongs to, None where it does not say."""
    path = f"{folder}/{PARTITION_METADATA}"
    text = read_text(disk, path)
    if text is None:
        return None
    settings = _pairs(path, text, ":")
    if settings.get("version") != str(_VERSION):
        raise StorageError(f"{path}: version {settings.get('version')} is not {_VERSION}")
    return _uuid(path, "topic_id", settings.get("topic_id", ""))


def partition_metadata_path(folder: str) -> str:
    """Where it says whose a partition's folder is."""
    return f"{folder}/{PARTITION_METADATA}"


def partition_metadata_text(topic_id: bytes) -> bytes:
    """Which topic a partition's folder belongs to."""
    return f"version: {_VERSION}\ntopic_id: {uuid_text(topic_id)}".encode()


def write_partition_metadata(
    disk: Disk, folder: str, topic_id: bytes, *, durable: bool = True
) -> None:
    """Write down which topic a partition's folder belongs to."""
    path = partition_metadata_path(folder)
    replace_bytes(disk, path, partition_metadata_text(topic_id), durable=durable)


@dataclass(frozen=True, slots=True)
class MetaProperties:
    """Which node of which cluster a data directory belongs to."""

    cluster_id: str
    node_id: int
    directory_id: bytes


def read_meta_properties(disk: Disk) -> MetaProperties | None:
    """The owner of a data directory, None for a new one. Version 1, that of KRaft (KIP-631)."""
    text = read_text(disk, META_PROPERTIES)
    if text is None:
        return None
    settings = _pairs(META_PROPERTIES, text, "=")
    if settings.get("version") != "1":
        raise StorageError(f"{META_PROPERTIES}: version {settings.get('version')} is not 1")
    try:
        cluster_id, node_id = settings["cluster.id"], int(settings["node.id"])
    except (KeyError, ValueError) as error:
        raise StorageError(f"{META_PROPERTIES}: no usable value for {error}") from None
    directory_id = _uuid(META_PROPERTIES, "directory.id", settings.get("directory.id", ""))
    return MetaProperties(cluster_id, node_id, directory_id)


def write_meta_properties(disk: Disk, owner: MetaProperties) -> None:
    """Mark a data directory as a node's."""
    lines = (
        "#",
        f"cluster.id={owner.cluster_id}",
        f"directory.id={uuid_text(owner.directory_id)}",
        f"node.id={owner.node_id}",
        "version=1",
        "",
    )
    replace_text(disk, META_PROPERTIES, "\n".join(lines))


def _pairs(path: str, text: str, separator: str) -> dict[str, str]:
    """Lines of `name separator value`; what begins with # is a comment."""
    pairs = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, found, value = line.partition(separator)
        if not found:
            raise StorageError(f"{path}, line {number}: {line!r} is malformed")
        pairs[name.strip()] = value.strip()
    return pairs


def _uuid(path: str, name: str, text: str) -> bytes:
    try:
        return uuid_from_text(text)
    except (ValueError, FrameError):
        raise StorageError(f"{path}: {name} {text!r} is not an id") from None


# -- was it closed in order? -----------------------------------------------------------------------


def read_clean_shutdown(disk: Disk) -> int | None:
    """The broker epoch of the last clean shutdown, None after anything else (KIP-966).

    A marker that does not parse still marks: Kafka itself only asks whether the file is there.
    """
    text = read_text(disk, CLEAN_SHUTDOWN)
    if text is None:
        return None
    try:
        return int(json.loads(text)["brokerEpoch"])
    except (ValueError, KeyError, TypeError):
        return -1


def write_clean_shutdown(disk: Disk, broker_epoch: int) -> None:
    """Say that every log has been closed. The last thing that a shutdown does."""
    text = json.dumps({"version": _VERSION, "brokerEpoch": broker_epoch}, separators=(",", ":"))
    replace_text(disk, CLEAN_SHUTDOWN, text)


def remove_clean_shutdown(disk: Disk) -> None:
    """From now on a crash is a crash. Durable before the first log is written to."""
    if disk.exists(CLEAN_SHUTDOWN):
        disk.delete(CLEAN_SHUTDOWN)
        disk.sync_now([""])
