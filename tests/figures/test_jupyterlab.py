"""The same figure in a real JupyterLab: a notebook is opened, its cell is run, and there it is."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.figures.stories import orders_trace

TOKEN = "figures"
CELLS = (
    """from lessons.figures import LogView
view = LogView("run.json", title="Broker 3 is gone", subtitle="nobody leads orders-1")
view""",
    """print("the reader is at step", view.step)""",
)


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook that draws a trace, and then asks where its reader is."""
    (tmp_path / "run.json").write_text(json.dumps(orders_trace()), encoding="utf-8")
    cells = [
        {"cell_type": "code", "id": f"cell-{number}", "metadata": {}, "source": source,
         "outputs": [], "execution_count": None}
        for number, source in enumerate(CELLS)
    ]  # fmt: skip
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "figure.ipynb"
    path.write_text(json.dumps({
        "cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5,
    }))  # fmt: skip
    return path


@pytest.fixture
def jupyterlab(notebook: Path, root: Path, tmp_path: Path) -> Iterator[str]:
    """A JupyterLab on a free port of this machine, that knows nothing of its user's settings."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {name: str(tmp_path / "jupyter" / name) for name in (
        "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR",
        "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR",
    )}  # fmt: skip
    options = [
        "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={notebook.parent}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=",
    ]  # fmt: skip
    with open(tmp_path / "jupyter.log", "wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], stdout=log, stderr=log,
            env={**os.environ, **own, "PYTHONPATH": str(root)}, cwd=notebook.parent,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/api", server)
            yield f"{address}/lab/tree/{notebook.name}?token={TOKEN}"
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up:
        assert server.poll() is None, "JupyterLab ended by itself"
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail("JupyterLab does not answer")


def test_the_figure_is_drawn_in_jupyterlab(browser: Browser, jupyterlab: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(jupyterlab)
    page.locator(".jp-Cell .cm-content").first.click(timeout=60_000)
    page.locator(".jp-NotebookPanel [data-status=idle]").first.wait_for(timeout=60_000)
    page.keyboard.press("Shift+Enter")
    figure = page.locator(".oz-figure")
    figure.wait_for(timeout=60_000)
    expect(figure.locator(".oz-title")).to_have_text("Broker 3 is gone")
    assert figure.locator('[data-row="orders-0"] .oz-cell').count() >= 8

    # The keys are the figure's, not the notebook's: the cell below is not selected.
    figure.get_by_role("slider").focus()
    before = figure.locator(".oz-caption").inner_text()
    page.keyboard.press("ArrowDown")
    expect(figure.locator(".oz-caption")).not_to_have_text(before)
    expect(figure.get_by_role("slider")).to_be_focused()

    # Python knows where the reader is, for instance to fork the run there.
    step = figure.get_by_role("slider").get_attribute("aria-valuenow")
    page.wait_for_timeout(300)
    page.locator(".jp-Cell .cm-content").nth(1).click()
    page.keyboard.press("Shift+Enter")
    printed = page.locator(".jp-OutputArea-output").nth(1)
    expect(printed).to_have_text(f"the reader is at step {step}\n", timeout=30_000)

    # The theme is the notebook's.
    background = "getComputedStyle(document.querySelector('.oz-figure')).backgroundColor"
    assert page.evaluate(background) == "rgb(251, 249, 245)"
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    assert page.evaluate(background) == "rgb(25, 25, 24)"
    assert errors == []
    page.close()
