"""The alarm rings: with a rule of Raft left out, the little world finds what it loses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.quorum import leading, member, states
from broker.quorum.metadata_log import MetadataLog
from broker.wire.errors import OffsetZeroError
from tests.quorum.test_simulation import history

Patch = pytest.MonkeyPatch
SEEDS = 60


def a_vote_is_forgotten(patch: Patch) -> None:
    patch.setattr(member, "write_election_state", lambda *_: None)


def votes_go_to_any_log(patch: Patch) -> None:
    def may_grant(self: states.Unattached, candidate: int, up_to_date: bool, pre: bool) -> bool:
        return pre or self.voted_id in (-1, candidate)

    patch.setattr(states.Unattached, "may_grant", may_grant)


def votes_are_given_twice(patch: Patch) -> None:
    patch.setattr(states.Unattached, "may_grant", lambda *_: True)


def what_is_not_synced_counts(patch: Patch) -> None:
    patch.setattr(MetadataLog, "unsynced", False)
    patch.setattr(MetadataLog, "synced_offset", property(lambda log: log.end_offset))


def nobody_truncates(patch: Patch) -> None:
    patch.setattr(MetadataLog, "truncate_to", lambda *_: None)


def one_voter_less_is_enough(patch: Patch) -> None:
    def count(self: leading.Leading, state: states.Leader, now: object) -> None:
        ends = sorted((each.log_end_offset for each in state.voters.values()), reverse=True)
        if ends[0] > max(state.first_offset, state.high_watermark):
            state.high_watermark = ends[0]
            self.member.log.advance_high_watermark(ends[0])

    patch.setattr(leading.Leading, "_count", count)


BUGS = [
    a_vote_is_forgotten,
    votes_go_to_any_log,
    votes_are_given_twice,
    what_is_not_synced_counts,
    nobody_truncates,
    one_voter_less_is_enough,
]


@pytest.mark.parametrize("bug", BUGS)
def test_a_rule_left_out_is_found(bug: Callable[[Patch], None], monkeypatch: Patch) -> None:
    bug(monkeypatch)
    for seed in range(SEEDS):
        try:
            history(seed, voters=3)
        except (AssertionError, OffsetZeroError):
            return
    raise AssertionError(f"{SEEDS} histories, and nothing was found")
