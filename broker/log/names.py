"""What the files and folders of a data directory are called.

Apache Kafka finds everything by name, and refuses a data directory with a folder that it cannot
parse. One folder holds one partition:

    orders-0                                      the partition 0 of the topic "orders"
    orders-0.5f3a...-delete                       deleted, its files go one by one
    orders-0.5f3a...-future  /  -stray            being moved here / belongs to nobody

and in it, files that begin with the offset of their first record, in 20 digits:

    00000000000000000000.log                      a segment: record batches, one after the other
    00000000000000000000.index                    offset    -> position in the .log
    00000000000000000000.timeindex                timestamp -> offset
    00000000000000000000.txnindex                 aborted transactions
    00000000000000000368.snapshot                 state of the producers before offset 368
"""

from __future__ import annotations

import re
from typing import NamedTuple

LOG = ".log"
INDEX = ".index"
TIME_INDEX = ".timeindex"
TXN_INDEX = ".txnindex"
SNAPSHOT = ".snapshot"
DELETED = ".deleted"
"""A file that nobody reads any more; it is removed a little later."""
CLEANED = ".cleaned"
SWAP = ".swap"
SEGMENT_FILES = (LOG, INDEX, TIME_INDEX, TXN_INDEX)
"""What belongs to one segment."""

LONGEST_NAME = 255
_OFFSET_DIGITS = 20
_FOLDER = re.compile(r"(?P<topic>\S+)-(?P<partition>\d+)(\.\S+-(?P<state>delete|future|stray))?")


def offset_file(folder: str, offset: int, suffix: str) -> str:
    """The path of a file that begins at an offset.

    >>> offset_file("orders-0", 368, ".log")
    'orders-0/00000000000000000368.log'
    """
    return f"{folder}/{offset:0{_OFFSET_DIGITS}d}{suffix}"


def offset_of(name: str, suffix: str) -> int | None:
    """The offset in the name of a file with this suffix, None for any other file."""
    stem = name.removesuffix(suffix)
    if stem == name or len(stem) != _OFFSET_DIGITS or not stem.isdecimal():
        return None
    return int(stem)


class PartitionFolder(NamedTuple):
    """What the name of a partition's folder says."""

    topic: str
    partition: int
    state: str
    """Empty for a folder in use, else "delete", "future" or "stray"."""


def folder_name(topic: str, partition: int) -> str:
    """The folder of a partition."""
    return f"{topic}-{partition}"


def parse_folder(name: str) -> PartitionFolder | None:
    """Read a folder's name; None if it is not one of a partition.

    >>> parse_folder("page-views-12")
    PartitionFolder(topic='page-views', partition=12, state='')
    """
    match = _FOLDER.fullmatch(name)
    if match is None:
        return None
    return PartitionFolder(match["topic"], int(match["partition"]), match["state"] or "")


def deletion_name(topic: str, partition: int, unique: bytes) -> str:
    """The name that a partition's folder gets when its topic is deleted.

    A unique part lets the topic be created again at once, under its old name
    (LocalLog.logDeleteDirName). A long topic name is cut so that the whole still is a file name.
    """
    return _renamed(topic, partition, unique, "delete")


def stray_name(topic: str, partition: int, unique: bytes) -> str:
    """The name under which a folder is kept that belongs to no topic (LocalLog.logStrayDirName)."""
    return _renamed(topic, partition, unique, "stray")


def _renamed(topic: str, partition: int, unique: bytes, state: str) -> str:
    ending = f"-{partition}.{unique.hex()}-{state}"
    return topic[: LONGEST_NAME - len(ending)] + ending
