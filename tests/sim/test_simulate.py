"""The command `broker simulate`: what is asked, what is printed, and with which status it ends."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from broker.cli import main
from broker.sim import simulate
from broker.sim.campaign import Campaign, Report, Told, run
from broker.sim.story import Verdict

WELL = Verdict(7, "", "", (), (), 0, 0, "")


def test_seeds_are_told_and_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--seeds", "3", "--from", "40", "--workers", "1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "3 seeds, 0 failed"
    assert "cluster-hours" in said[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_campaign_which_still_reports(number: signal.Signals) -> None:
    def progress(line: str) -> None:
        if line.startswith("2 of 9 seeds"):
            os.kill(os.getpid(), number)

    before = signal.getsignal(signal.SIGTERM)
    campaign = Campaign(first=40, seeds=9, minutes=None, brokers=1, bug=None, workers=1)
    report = run(campaign, print, progress)
    assert report.interrupted
    assert report.seeds == 2
    assert signal.getsignal(signal.SIGTERM) == before


def test_one_seed_is_all_well(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    assert main(["simulate", "--seed", "40", "--brokers", "3", "--trace", str(trace)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"the trace is in {trace}"
    assert said[1].startswith("seed 40: all is well after ")
    assert json.loads(trace.read_text())["header"]["seed"] == 40


def test_a_planted_bug_rings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["simulate", "--bug", "truncate-to-own-watermark", "--seeds", "6", "--workers", "1"]
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "truncate-to-own-watermark: the alarm rang in " in said


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (["--seeds", "0"], "--seeds=0: expected at least 1"),
        (["--brokers", "0"], "--brokers=0: expected at least 1"),
        (["--seed", "-1"], "--seed=-1: expected at least 0"),
        (["--from", "-1"], "--from=-1: expected at least 0"),
        (["--seed", "1", "--seeds", "2"], "--seed stands for one run"),
        (["--trace", "x.json"], "--trace writes down one run: say which with --seed"),
    ],
)
def test_nonsense_is_answered_in_a_line(
    asked: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *asked]) == 2
    assert answer in capsys.readouterr().err


def test_of_a_bug_it_is_said_how_soon_it_was_heard() -> None:
    report, lines = Report(), list[str]()
    for seed in range(10, 20):
        kind = "lost write" if seed in (12, 13, 18) else ""
        report.add(Told(WELL._replace(seed=seed, kind=kind), 0.1))
    assert simulate._bell("acks-1", 10, report, lines.append) == 0
    assert lines == ["acks-1: the alarm rang in 3 of 10 seeds, after a median of 3 (lost write)"]
    assert simulate._bell("acks-1", 10, Report(), lines.append) == 1
    assert lines[-1] == "acks-1: no alarm in 0 seeds"
