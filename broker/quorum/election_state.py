"""The file `quorum-state`: what a voter must never forget, not even by losing power.

A voter that forgot its vote could vote twice in one epoch and make two leaders. So the file is
replaced as a whole (written beside, synced, renamed) before anything is done that rests on it.
The format is Kafka's `QuorumStateData` version 0 in JSON, one line (`FileQuorumStateStore`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from broker.log.checkpoints import read_text, replace_text
from broker.log.disk import Disk
from broker.wire.errors import StorageError

NOBODY = -1
"""No leader is known, or no vote was given."""


@dataclass(frozen=True, slots=True)
class ElectionState:
    """The epoch a voter is in, whom it follows there and whom it gave its vote."""

    epoch: int = 0
    leader_id: int = NOBODY
    voted_id: int = NOBODY
    voters: tuple[int, ...] = ()

    def to_json(self) -> str:
        """The line that Kafka's `FileQuorumStateStore` reads and writes."""
        return json.dumps(
            {
                "clusterId": "",
                "leaderId": self.leader_id,
                "leaderEpoch": self.epoch,
                "votedId": self.voted_id,
                "appliedOffset": 0,
                "currentVoters": [{"voterId": voter} for voter in self.voters],
                "data_version": 0,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, line: str) -> ElectionState:
        """Read the line back. Raises ValueError (or a kin of it) on anything else."""
        data = json.loads(line)
        return cls(
            epoch=int(data["leaderEpoch"]),
            leader_id=int(data["leaderId"]),
            voted_id=int(data["votedId"]),
            voters=tuple(int(voter["voterId"]) for voter in data["currentVoters"]),
        )


def read_election_state(disk: Disk, path: str) -> ElectionState:
    """The state on disk, or a first one. Raises StorageError when the file makes no sense."""
    text = read_text(disk, path)
    if text is None:
        return ElectionState()
    try:
        return ElectionState.from_json(text)
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} is not a quorum-state file: {error}") from error


def write_election_state(disk: Disk, path: str, state: ElectionState) -> None:
    """Replace the file, durable when this returns."""
    replace_text(disk, path, state.to_json())
