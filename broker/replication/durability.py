"""What the disk is asked to make durable, and what it has.

The metadata log and each partition's log are synced by the host, outside of the core, and one sync
of a log is under way at a time: what was appended meanwhile waits for the next one, which then
covers all of it (that is how many small requests share one sync).
"""

from __future__ import annotations

from typing import NamedTuple

from broker.events import Effect, Now, Sync, Synced
from broker.quorum.quorum import Quorum
from broker.replication.partition import Partition
from broker.replication.replicas import Replicas
from broker.wire.errors import StorageError


class Syncing(NamedTuple):
    """What a token stands for: a partition's log (None: the metadata log) up to an offset."""

    partition: Partition | None
    offset: int


SMALL_FILES = Syncing(None, -1)
"""No log: checkpoints, and whose a folder is."""


class Durability:
    """The syncs that are under way."""

    def __init__(self, quorum: Quorum, replicas: Replicas, effects: list[Effect]) -> None:
        self.quorum = quorum
        self.replicas = replicas
        self._under_way: dict[int, Syncing] = {}
        self._effects = effects
        self._tokens = 0
        self._metadata_log = quorum.member.log

    @property
    def wanted(self) -> bool:
        """Whether some log is behind and somebody waits for it."""
        replicas = self.replicas
        wanted = replicas.wants_sync or replicas.storage.files.wanted
        return bool(wanted) or self._metadata_log.unsynced

    def request(self) -> None:
        """Ask for the metadata log, and for each partition's that needs it."""
        files = self.replicas.storage.files
        if files.wanted:
            self._sync(SMALL_FILES, files.begin())
        logs = (syncing for syncing in self._under_way.values() if syncing is not SMALL_FILES)
        busy = {syncing.partition for syncing in logs}
        log = self.quorum.log
        if self.quorum.unsynced and None not in busy:
            self._sync(Syncing(None, log.log_end_offset), tuple(log.paths_to_sync()))
        for key in list(self.replicas.wants_sync):
            partition = self.replicas.partitions.get(key)
            if partition is not None and partition in busy:
                continue
            del self.replicas.wants_sync[key]
            if partition is not None and not partition.offline:
                self._request_log(partition)

    def _request_log(self, partition: Partition) -> None:
        log = partition.log
        try:
            paths = tuple(log.paths_to_sync())
        except StorageError as error:
            self.replicas.take_offline(partition, error.message)
        else:
            self._sync(Syncing(partition, log.log_end_offset), paths)

    def synced(self, event: Synced, now: Now) -> bool:
        """A sync is done, or has failed; False if that is more than a node can live with."""
        done = self._under_way.pop(event.token, None)
        if done is None:
            return True
        if done is SMALL_FILES:
            self.replicas.files_synced(event.failed, now)
        elif done.partition is None:
            if event.failed:
                return False
            self.quorum.synced(done.offset, now)
        elif event.failed:
            # What the kernel could not write it may have forgotten: trying again proves nothing.
            self.replicas.take_offline(done.partition, "the disk failed to make it durable")
        else:
            self.replicas.synced(done.partition, done.offset, now)
        return True

    # -- at the end -------------------------------------------------------------------------------

    def request_all(self) -> None:
        """Every log, to the last byte. Raises StorageError if one cannot be closed."""
        paths = self.quorum.log.prepare_close()
        for _, log in self.replicas.logs():
            paths += log.prepare_close()
        self._sync(Syncing(None, self.quorum.log.log_end_offset), (*paths, ""))

    def ended(self, event: Synced) -> bool:
        """Whether this was the last sync, or one that failed."""
        known = self._under_way.pop(event.token, None)
        return known is not None and (event.failed or not self._under_way)

    def _sync(self, what: Syncing, paths: tuple[str, ...]) -> None:
        """Ask the host for one sync."""
        self._tokens += 1
        self._under_way[self._tokens] = what
        self._effects.append(Sync(self._tokens, paths))
