"""The checks accept solutions, and answer each usual mistake with what gives it away."""

import pytest

from lessons.checks import FIRST_ORDERS, check_report, check_retention

HOUR = 60 * 60 * 1000


def revenue(records):
    totals = {}
    for record in records:
        totals[record.key] = totals.get(record.key, 0) + int(record.value)
    return totals


def as_sales(records):
    totals = {}
    for record in records:
        totals[record.key] = totals.get(record.key, 0) + abs(int(record.value))
    return totals


def without_refunds(records):
    return revenue([record for record in records if int(record.value) > 0])


def without_the_last(records):
    return revenue(records[:-1])


def learned_by_heart(records):
    return {"A": 70, "B": 50, "C": 60, "D": 115}


def forgot_int(records):
    totals = {}
    for record in records:
        totals[record.key] = totals.get(record.key, 0) + record.value
    return totals


class TestTheReport:
    def test_the_solution_is_accepted(self):
        verdict = check_report(revenue, 0)
        assert verdict
        assert "12 orders" in verdict.says

    @pytest.mark.parametrize(
        ("attempt", "start_at", "evidence", "hint"),
        [
            (as_sales, 0, "At offset 4 (B, -25) money is paid back", "sign"),
            (without_refunds, 0, "skips offset 4 (B, -25)", "subtracts"),
            (revenue, 8, "offset 0 (A, 40), offset 1 (B, 25)", "still there"),
            (as_sales, 8, "At offset 8 (A, -15) money is paid back", "sign"),
            (without_the_last, 0, "Customer C: the report says 80, the log adds up to 60", "hand"),
            (learned_by_heart, 0, "offset 0 (E, 10)", "passed in"),
            (forgot_int, 0, "TypeError", "int(record.value)"),
            (lambda records: None, 0, "", "return"),
            (revenue, 13, "goes from offset 0 to 12", "log start"),
            (revenue, -1, "goes from offset 0 to 12", "log start"),
            (revenue, ..., "", "oldest"),
        ],
    )
    def test_a_mistake_is_answered_with_evidence_and_a_hint(
        self, attempt, start_at, evidence, hint
    ):
        verdict = check_report(attempt, start_at)
        assert not verdict
        assert evidence in " ".join(verdict.evidence)
        assert hint in verdict.hint

    def test_state_that_survives_a_replay_is_found(self):
        totals = {}

        def leaking(records):
            for record in records:
                totals[record.key] = totals.get(record.key, 0) + int(record.value)
            return totals

        verdict = check_report(leaking, 0)
        assert "second" in verdict.says
        assert "empty dictionary" in verdict.hint

    def test_the_orders_hold_what_the_exercise_is_about(self):
        """Refunds on both sides of the wrong start, so that each mistake shows by itself."""
        refunds = [n for n, (_, euros) in enumerate(FIRST_ORDERS) if int(euros) < 0]
        assert min(refunds) < 8 < max(refunds)


class TestRetention:
    @pytest.mark.parametrize(("retention_h", "segment_h"), [(96, 24), (62, 24), (72, 90), (150, 1)])
    def test_solutions_are_accepted(self, retention_h, segment_h):
        verdict = check_retention(retention_h * HOUR, segment_h * HOUR)
        assert verdict, verdict

    def test_the_defaults_keep_an_order_for_two_weeks(self):
        verdict = check_retention(168 * HOUR, 168 * HOUR)
        assert "13 days" in verdict.says or "14 days" in verdict.says
        assert "offset 0" in verdict.evidence[0]
        assert "youngest" in verdict.hint

    def test_a_short_retention_costs_billing_its_weekend(self):
        verdict = check_retention(24 * HOUR, 6 * HOUR)
        assert "Billing lost" in verdict.says
        assert "asked for offset 114" in verdict.evidence[0]

    @pytest.mark.parametrize(
        ("retention_ms", "segment_ms", "hint"),
        [
            (72, 24 * HOUR, "72 * HOUR"),
            (72 * HOUR, 24, "24 * HOUR"),
            (-1, 24 * HOUR, "168 hours"),
            (72 * HOUR, -1, "24 * HOUR"),
            (72.5, 24 * HOUR, "72 * HOUR"),
            (..., 24 * HOUR, "72 * HOUR"),
        ],
    )
    def test_a_slip_of_units_is_named(self, retention_ms, segment_ms, hint):
        verdict = check_retention(retention_ms, segment_ms)
        assert not verdict
        assert hint in verdict.hint
