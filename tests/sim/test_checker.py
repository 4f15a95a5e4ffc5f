"""The anomaly checker, checked: one hand-written history for each anomaly, and one near miss.

Records are single letters in partition x-0 or y-0. A history is a list of what clients did.
"""

from __future__ import annotations

from broker.sim.checker import END_OF_LOG, Anomaly, End, Moved, Operation, Poll, Send, check

X, Y = ("x", 0), ("y", 0)


class Story:
    """A history as it is written down here."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def did(
        self, client: str, *actions: Send | Poll | Moved, end: End = End.OK, txn: bool = False
    ) -> Story:
        """A client did something."""
        number = len(self.operations) + 1
        self.operations.append(Operation(number, client, actions, end, txn))
        return self

    def wrote(self, value: str, offset: int, client: str = "app") -> Story:
        """A client was told that its record is at an offset of x-0."""
        return self.did(client, Send(X, value, offset))

    def read(self, *records: tuple[int, str], client: str = "reader") -> Story:
        """A client polled x-0."""
        return self.did(client, Poll(X, records))

    def anomalies(self) -> list[Anomaly]:
        """What the checker says."""
        return check(self.operations)

    def kinds(self) -> list[str]:
        """The same in short; a question mark where Kafka allows it."""
        return [found.kind + "?" * found.allowed for found in self.anomalies()]


def sole(story: Story, kind: str) -> str:
    """The one thing that is wrong, and how it is told."""
    (found,) = story.anomalies()
    assert found.kind == kind
    return found.text


def test_a_history_in_which_all_went_well() -> None:
    story = Story().wrote("a", 0).wrote("b", 1).read((0, "a"), (1, "b"))
    assert story.kinds() == []


# -- records -------------------------------------------------------------------------------------


def test_one_offset_does_not_hold_two_records() -> None:
    story = Story().wrote("a", 0).wrote("b", 1).did("app", Send(X, "c"), end=End.INFO)
    story.read((0, "a"), (1, "b")).read((0, "a"), (1, "c"), client="other")
    assert sole(story, "inconsistent offset") == (
        "offset 1 of x-0 holds b according to operation 4 of reader and c according to "
        "operation 5 of other"
    )


def test_an_acknowledged_offset_and_what_is_read_there_are_one_record() -> None:
    story = Story().wrote("a", 0).wrote("b", 0, client="other").read((0, "a"))
    assert story.kinds() == ["inconsistent offset", "lost write"]


def test_two_readers_may_read_the_same() -> None:
    story = Story().wrote("a", 0).wrote("b", 1).read((0, "a"), (1, "b"))
    assert story.read((0, "a"), (1, "b"), client="other").kinds() == []


def test_one_record_does_not_stand_at_two_offsets() -> None:
    story = Story().wrote("a", 1).read((0, "a"), (1, "a"))
    assert sole(story, "duplicate") == (
        "a is at offsets 0 and 1 of x-0, and sent once, by operation 1 of app"
    )


def test_what_was_sent_twice_may_stand_twice() -> None:
    assert Story().wrote("a", 0).wrote("a", 1).read((0, "a"), (1, "a")).kinds() == []


def test_what_has_failed_is_not_read() -> None:
    story = Story().did("app", Send(X, "a"), end=End.FAIL).read((0, "a"))
    assert sole(story, "aborted read") == (
        "operation 2 of reader read a at offset 0 of x-0, but operation 1 of app, which wrote it, "
        "has certainly failed"
    )


def test_what_was_aborted_is_not_read() -> None:
    story = Story().did("app", Send(X, "a"), end=End.FAIL, txn=True).read((0, "a"))
    assert "transaction 1 of app, which wrote it, was aborted" in sole(story, "aborted read")


def test_what_may_have_failed_may_be_read_or_not() -> None:
    story = Story().did("app", Send(X, "a"), end=End.INFO).did("app", Send(X, "b"), end=End.INFO)
    assert story.read((0, "a")).kinds() == []


def test_what_nobody_sent_is_not_read() -> None:
    assert "which nobody has sent" in sole(Story().read((0, "a")), "phantom")


def test_a_transaction_does_not_read_what_it_has_not_committed_yet() -> None:
    story = Story().did("app", Send(X, "a", 0), Poll(X, ((0, "a"),)), txn=True)
    assert sole(story, "precommitted read") == (
        "transaction 1 of app read a at offset 0 of x-0, which it had written itself and not yet "
        "committed"
    )


def test_a_transaction_reads_what_an_earlier_one_has_written() -> None:
    story = Story().did("app", Send(X, "a", 0), txn=True)
    assert story.did("app", Send(X, "b", 2), Poll(X, ((0, "a"),)), txn=True).kinds() == []


def test_a_record_that_readers_went_past_is_lost() -> None:
    story = Story().wrote("a", 0).wrote("b", 1).wrote("c", 2).read((0, "a")).read((2, "c"))
    kinds = story.kinds()
    assert kinds == ["lost write", "external poll skip"]
    assert story.anomalies()[0].text == (
        "b was acknowledged at offset 1 of x-0 (operation 2 of app), and is read by nobody, though "
        "operation 5 of reader read on past it"
    )


def test_a_record_that_no_reader_has_reached_is_not_lost() -> None:
    assert Story().wrote("a", 0).wrote("b", 1).read((0, "a")).kinds() == []


def test_a_record_before_the_first_that_is_read_is_not_lost() -> None:
    assert Story().wrote("a", 0).wrote("b", 1).read((1, "b")).kinds() == []


def test_what_one_reader_missed_another_may_have_read() -> None:
    story = Story().wrote("a", 0).wrote("b", 1).wrote("c", 2)
    story.read((0, "a"), (1, "b"), (2, "c")).read((0, "a"), client="other")
    story.did("other", Moved(X)).read((2, "c"), client="other")
    assert story.kinds() == []


def test_an_acknowledged_record_is_there_in_the_end() -> None:
    story = Story().wrote("a", 0).wrote("b", 1).did("judge", Poll(X, ((0, "a"),), beginning=0))
    assert sole(story, "unseen") == (
        "b was acknowledged at offset 1 of x-0 (operation 2 of app), and is not there at the end: "
        "the log ends at 1"
    )


def test_what_retention_has_deleted_need_not_be_there_in_the_end() -> None:
    story = Story().wrote("a", 0).wrote("b", 1)
    assert story.did("judge", Poll(X, ((1, "b"),), beginning=1)).kinds() == []


def test_an_empty_log_in_the_end_has_lost_everything() -> None:
    story = Story().wrote("a", 0).did("judge", Poll(X, (), beginning=0))
    assert story.kinds() == ["unseen"]


# -- readers and writers -------------------------------------------------------------------------


def five_records() -> Story:
    """Five acknowledged records, which somebody has read in order."""
    story = Story()
    for offset, value in enumerate("abcde"):
        story.wrote(value, offset)
    return story.read(*enumerate("abcde"), client="other")


def test_a_poll_does_not_skip() -> None:
    assert sole(five_records().read((0, "a"), (3, "d")), "internal poll skip") == (
        "operation 7 of reader read a at offset 0 of x-0, and then went on with d at offset 3, "
        "past b at offset 1 and 1 more"
    )


def test_a_reader_does_not_skip_from_one_poll_to_the_next() -> None:
    story = five_records().read((0, "a")).read((2, "c"))
    assert sole(story, "external poll skip").endswith("past b at offset 1")


def test_a_reader_who_was_moved_may_skip_and_go_back() -> None:
    story = five_records().read((1, "b")).did("reader", Moved(X)).read((3, "d"))
    assert story.did("reader", Moved(X)).read((0, "a")).kinds() == []


def test_a_reader_who_was_moved_elsewhere_may_not() -> None:
    story = five_records().read((0, "a")).did("reader", Moved(Y)).read((2, "c"))
    assert story.kinds() == ["external poll skip"]


def test_a_reader_begins_where_it_was_placed() -> None:
    for first, kinds in ((2, []), (3, ["external poll skip"]), (0, [])):
        story = five_records().did("reader", Moved(X, 2))
        assert story.read((first, "abcd"[first])).kinds() == kinds


def test_the_end_of_a_log_does_not_go_back() -> None:
    for more, kinds in (((), ["end went back"]), (((5, "f"),), [])):
        story = five_records().wrote("f", 5).did("reader", Moved(X, END_OF_LOG))
        assert story.read(*(more or ((4, "e"), (5, "f")))).kinds() == kinds


def test_an_offset_that_nobody_can_read_is_no_skip() -> None:
    story = Story().wrote("a", 0).wrote("b", 2).read((0, "a"), (2, "b"))
    assert story.kinds() == []


def test_a_reader_may_skip_what_was_aborted() -> None:
    story = Story().wrote("a", 0).wrote("b", 2)
    story.did("app", Send(X, "no", 1), end=End.FAIL, txn=True)
    assert story.read((0, "a"), (2, "b")).kinds() == []


def test_a_poll_does_not_go_back() -> None:
    story = five_records().read((1, "b"), (0, "a"))
    assert sole(story, "internal nonmonotonic poll") == (
        "operation 7 of reader read b at offset 1 of x-0, and then went on with a at offset 0: back"
    )


def test_a_reader_does_not_go_back_from_one_poll_to_the_next() -> None:
    story = five_records().read((0, "a"), (1, "b")).read((1, "b"))
    assert "operation 8 of reader went on with b" in sole(story, "external nonmonotonic poll")


def test_another_reader_may_begin_where_it_likes() -> None:
    assert five_records().read((3, "d")).read((0, "a"), client="third").kinds() == []


def test_records_of_one_transaction_stand_in_their_order() -> None:
    story = Story().did("app", Send(X, "a", 1), Send(X, "b", 0), txn=True)
    assert sole(story, "internal nonmonotonic send") == (
        "transaction 1 of app sent a and then b to x-0, where they are at offsets 1 and 0"
    )


def test_records_of_a_writer_stand_in_their_order() -> None:
    story = Story().wrote("a", 1).wrote("b", 0)
    assert "operation 2 of app b to x-0" in sole(story, "external nonmonotonic send")


def test_a_writer_whose_records_have_others_between_them() -> None:
    story = Story().did("app", Send(X, "a", 0), Send(X, "b", 2), txn=True)
    assert story.wrote("c", 1, client="other").kinds() == ["G0?"]


def test_two_writers_are_written_in_any_order() -> None:
    assert Story().wrote("a", 1).wrote("b", 0, client="other").kinds() == []


# -- cycles --------------------------------------------------------------------------------------


def test_writes_of_two_transactions_may_interleave() -> None:
    story = Story().did("app", Send(X, "a", 0), Send(Y, "b", 1), txn=True)
    story.did("other", Send(X, "c", 1), Send(Y, "d", 0), txn=True)
    (found,) = story.anomalies()
    assert (found.kind, found.allowed) == ("G0", True)
    assert found.text.startswith(
        "transaction 1 of app wrote a at offset 0 of x-0 before transaction 2 of other wrote c at 1"
    )


def test_writes_of_two_transactions_in_the_same_order_are_no_cycle() -> None:
    story = Story().did("app", Send(X, "a", 0), Send(Y, "b", 0), txn=True)
    assert story.did("other", Send(X, "c", 1), Send(Y, "d", 1), txn=True).kinds() == []


def test_two_transactions_do_not_read_each_other() -> None:
    story = Story().did("app", Send(X, "a", 0), Poll(Y, ((0, "b"),)), txn=True)
    story.did("other", Send(Y, "b", 0), Poll(X, ((0, "a"),)), txn=True)
    text = sole(story, "G1c")
    assert "transaction 1 of app read b at offset 0 of y-0, which transaction 2 of other" in text
    assert "transaction 2 of other read a at offset 0 of x-0, which transaction 1 of app" in text


def test_one_transaction_may_read_another() -> None:
    story = Story().did("app", Send(X, "a", 0), txn=True)
    assert story.did("other", Send(Y, "b", 0), Poll(X, ((0, "a"),)), txn=True).kinds() == []


def test_what_was_sent_after_a_read_does_not_stand_before_what_was_read() -> None:
    """app reads b and then sends a: b was committed by then, and c with it."""
    story = Story().did("app", Poll(Y, ((0, "b"),)), Send(X, "a", 0), txn=True)
    story.did("other", Send(X, "c", 1), Send(Y, "b", 0), txn=True)
    assert story.kinds() == ["G1c"]


def test_a_read_among_interleaved_writes_is_allowed_if_time_allows_it() -> None:
    """app wrote a, then other wrote c and b and committed, then app read b."""
    story = Story().did("app", Send(X, "a", 0), Poll(Y, ((0, "b"),)), txn=True)
    story.did("other", Send(X, "c", 1), Send(Y, "b", 0), txn=True)
    assert story.kinds() == ["G1c?"]


def test_a_long_history_is_checked_at_once() -> None:
    story = Story()
    for offset in range(5_000):
        story.wrote(f"r{offset}", offset)
    story.read(*((offset, f"r{offset}") for offset in range(5_000)))
    assert story.kinds() == []
