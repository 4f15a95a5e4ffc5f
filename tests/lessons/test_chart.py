"""The chart: equal distances are equal ratios, and no label leaves it."""

import re

from lessons.chart import Axis, Pair, pairs_chart, rounded, short


def test_equal_ratios_are_equal_distances():
    axis = Axis.around([3, 40_000])
    assert (axis.low, axis.high) == (0, 5)
    assert axis.place(10) - axis.place(1) == axis.place(1_000) - axis.place(100)


def test_all_rates_lie_on_the_axis_even_when_they_are_all_one():
    axis = Axis.around([1_000, 1_000])
    assert 0 <= axis.place(1_000) <= 100


def test_numbers_are_written_as_people_write_them():
    assert [short(10.0), short(1e3), short(1e6)] == ["10", "1k", "1M"]
    assert [rounded(3_214), rounded(720_234), rounded(7.6)] == [3_200, 720_000, 8]


def test_names_are_escaped_and_every_dot_is_labelled():
    html = pairs_chart(
        title="<b>", subtitle="", first="one", second="two", pairs=[Pair("row", "same", 10, 20)]
    )
    assert "<b>" not in html.split("</style>")[1].split("rows")[0]
    assert len(re.findall(r'class="label', html)) == 2
