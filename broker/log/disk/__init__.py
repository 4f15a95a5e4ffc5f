"""The disk under a log: one small interface, and its two kinds, files and memory."""

from broker.log.disk.files import FileDisk
from broker.log.disk.interface import Buffer, Disk
from broker.log.disk.memory import MemoryDisk

__all__ = ["Buffer", "Disk", "FileDisk", "MemoryDisk"]
