"""The measurement is bounded, tidy, and says no more than it knows. No test looks at a speed."""

from itertools import count

import pytest

from lessons import disk
from lessons.disk import FLUSHES, DiskReport, Speed
from lessons.stopwatch import Stopwatch


def report(*ratios: float, filesystem: str = "ext4") -> DiskReport:
    speeds = [
        Speed(flush, 1_000 * ratio, 1_000) for flush, ratio in zip(FLUSHES, ratios, strict=True)
    ]
    return DiskReport(tuple(speeds), filesystem, 3.2)


def test_a_real_measurement_is_bounded_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "FILE_BYTES", 1 << 20)
    ticks = count()
    measured = disk.measure_this_disk(tmp_path, seconds_a_bar=2, clock=lambda: next(ticks))
    assert [speed.flush.every for speed in measured.speeds] == [0, 1_000, 1]
    assert all(speed.appended > 0 and speed.scattered > 0 for speed in measured.speeds)
    assert list(tmp_path.iterdir()) == []


def test_each_bar_stops_when_its_time_is_over(tmp_path):
    """The clock ticks once a batch: two ticks are two batches."""
    ticks = count()
    with open(tmp_path / "log", "wb") as file:
        disk._records_a_second("appended", file.fileno(), FLUSHES[1], 2, lambda: next(ticks))
    assert (tmp_path / "log").stat().st_size == 2 * 1_000 * disk.RECORD_BYTES


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (0.4, "about the same"),
        (1.9, "about the same"),
        (2, "2 to 5 times"),
        (19.9, "5 to 20 times"),
        (300, "more than 20 times"),
    ],
)
def test_the_ratio_in_the_words_of_the_prediction(ratio, words):
    assert disk.ratio_range(ratio) == words
    assert words in disk.RANGES


def test_a_disk_on_which_order_does_not_pay_is_described_as_such():
    text = " ".join(report(1.0, 1.1, 1.0).meaning())
    assert "hides the difference" in text
    assert "no disk was measured" in text


def test_a_disk_with_a_moving_head_is_recognised():
    assert "moving head" in report(1.2, 150, 8).meaning()[-1]


def test_a_growing_file_may_cost_a_second_trip():
    assert "its new length" in report(1.2, 8, 0.5).meaning()[-1]


def test_the_sentence_and_the_number_beside_it_never_disagree():
    assert "order buys nothing" in report(1.2, 8, 1.4).meaning()[-1]
    assert "order buys nothing" not in report(1.2, 8, 1.6).meaning()[-1]


def test_memory_is_not_sold_as_a_disk():
    (sentence,) = report(1, 1, 1, filesystem="tmpfs").meaning()
    assert "lives in memory" in sentence


def test_the_chart_has_every_number_in_words():
    html = report(3, 10, 1)._repr_html_()
    for words in ("flushed every 1,000 records", "appended: 10 times as fast", "10,000"):
        assert words in html


def test_the_file_system_is_that_of_the_longest_mount_point(tmp_path):
    mounts = f"/dev/sda / ext4 rw 0 0\ntmpfs {tmp_path} tmpfs rw 0 0\nproc /proc proc rw 0 0\n"
    assert disk.filesystem_of(tmp_path, mounts) == "tmpfs"
    assert disk.filesystem_of(tmp_path.parent, mounts) == "ext4"
    assert disk.filesystem_of(tmp_path, "") == "an unnamed file system"


def test_a_stopwatch_names_the_range_of_its_rate():
    ticks = iter((10.0, 10.5))
    with Stopwatch(50_000, clock=lambda: next(ticks)) as writing:
        pass
    assert (writing.rate, writing.range) == (100_000, "100,000 to a million")
    assert str(writing) == "50,000 records in 0.50 s: 100,000 a second"
