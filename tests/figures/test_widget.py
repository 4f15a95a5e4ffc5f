"""The figure as a widget and as a file, without a browser."""

import json
from pathlib import Path

from broker.sim import Simulation
from lessons.figures import LogView
from tests.figures.stories import orders_trace, queue_trace


def test_where_no_widget_can_be_drawn_the_figure_is_text() -> None:
    view = LogView(orders_trace(), title="Broker 3 is gone", subtitle="orders-1 has no leader")
    bundle = view._repr_mimebundle_()
    assert bundle[0]["text/plain"] == view.text
    assert view.text.splitlines()[:6] == [
        "Broker 3 is gone: orders-1 has no leader",
        "step 143 of 149, t = 0.648 s: broker 3 crashes",
        "orders-0  leader: broker 1   · · A E A C C - A E | A C   "
        "log start 2, high watermark 10, log end 12",
        "          fulfilment-1 at 10, lag 0",
        "orders-1  broker 3 crashed   B B F B F F B   log start 0, high watermark 7, log end 7",
        "          fulfilment-1 at 5, lag 2",
    ]


def test_the_text_follows_the_reader() -> None:
    view = LogView(queue_trace(), start=0)
    view.step = len(view.trace["steps"]) - 1
    assert "queue     3 waiting   A D C" in view.text
    assert "billing at 5, lag 3" in view.text


def test_the_first_frame_is_a_step_or_words_of_it() -> None:
    trace = orders_trace()
    assert LogView(trace, start=-1).step == len(trace["steps"]) - 1
    assert LogView(trace, start="retention").text.splitlines()[0].endswith("up to offset 2")


def test_a_real_run_is_drawn_as_it_comes() -> None:
    sim = Simulation(seed=7)
    sim.create_topic("orders")
    shop = sim.producer("shop")
    for key in "ABA":
        shop.send("orders", key=key, value="paid")
    sim.run_until_idle()
    view = LogView(sim, start=-1)
    assert "orders-0  leader: broker 1   A B A   log start 0" in view.text
    shop.send("orders", key="C")
    sim.run_until_idle()
    view.trace = sim
    view.step = len(view.trace["steps"]) - 1
    assert "A B A C" in view.text


def test_a_page_holds_all_it_needs_and_survives_any_value(tmp_path: Path) -> None:
    trace = queue_trace()
    trace["steps"][1]["set"][0][1]["value"] = "</script><script>alert(1)</script>"
    text = LogView(trace, title="<b>not bold</b>").save_page(tmp_path / "a.html").read_text("utf-8")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert text.count("<script") == text.count("</script>") == 3
    assert "<b>not bold" not in text
    data = text.partition('id="trace">')[2].partition("</script>")[0]
    assert json.loads(data) == trace
