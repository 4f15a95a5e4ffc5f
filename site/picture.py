"""Draw README's picture, light and dark: one moment of a recorded run, photographed in Chromium.

    .venv/bin/python site/picture.py

The run is the broker's own, so the picture changes when what it shows does.
"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from broker.sim import Simulation
from lessons.figures import LogView

ASSETS = Path(__file__).parent / "assets"
ORDERS = "AEBDACFAEDBCFEABDC"
WIDTH, HEIGHT = 900, 900


def run() -> Simulation:
    """A shop writes, billing keeps up; an audit starts later and reads at a pace of its own."""
    sim = Simulation(seed=7)
    sim.create_topic("orders", partitions=2)
    sim.consumer("billing").assign("orders", offset="beginning")
    sim.producer("shop").send_each("orders", [(key, "paid") for key in ORDERS], every="60ms")
    sim.run_for("200ms")
    sim.consumer("audit", every="150ms").assign("orders", offset="beginning")
    sim.run_for("620ms")
    return sim


def photograph(page_file: Path) -> None:
    """Save the figure in both themes."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for theme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT},
                device_scale_factor=2,
                color_scheme=theme,
            )
            page.goto(page_file.as_uri())
            page.wait_for_timeout(500)
            page.locator("#figure").screenshot(path=ASSETS / f"log-view-{theme}.png")
        browser.close()


def main() -> None:
    """Run, draw, photograph."""
    figure = LogView(
        run(),
        title="Two readers, one log",
        subtitle="Reading takes nothing away: billing keeps up, audit takes its time.",
    )
    with tempfile.TemporaryDirectory() as folder:
        page_file = Path(folder) / "figure.html"
        figure.save_page(page_file)
        photograph(page_file)


if __name__ == "__main__":
    main()
