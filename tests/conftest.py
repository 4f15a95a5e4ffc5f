"""What all tests share: programs that may be missing are named, and chance is fixed.

A test that drives a program no wheel brings says so, and is skipped by that name where the program
is not there:

    @pytest.mark.needs("java", "mvn")
    def test_dump_log_reads_our_segments(): ...
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

# The names under which a program goes, and how one gets it. Of Chromium the kind without a window
# comes first: it opens a page in a quarter of the time.
PROGRAMS = {
    "chromium": (
        ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"),
        "apt install chromium-headless-shell, or chromium",
    ),
    "java": (("java",), "Java 17: apt install openjdk-17-jre-headless"),
    "mvn": (("mvn",), "apt install maven"),
    "kcat": (("kcat",), "apt install kcat"),
    "git": (("git",), "apt install git"),
}

# What takes long begins first, so that all workers end together. A file goes to one worker as a
# whole (see the Makefile): what its tests share is set up once. First come the site's build and the
# clients that mostly wait: something else can use the processor meanwhile.
LONG = (
    "site/test_alive.py",
    "clients/test_three_brokers.py",
    "clients/test_cluster_tools.py",
    "clients/test_apache_kafka.py",
    "sim/test_swarm.py",
    "site/test_pages.py",
    "figures/",
    "clients/",
    "sim/test_faults.py",
    "assignments/",
    "lessons/",
    "site/",
    "sim/",
    "wire/",
)

# The same examples on every machine and in every run: a failure that one person sees, all see.
# HYPOTHESIS_PROFILE=search looks further, with a new seed each time.
settings.register_profile(
    "story",
    derandomize=True,
    deadline=None,
    max_examples=50,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "story"))


def find_program(name: str) -> str | None:
    """The path of a program, under whichever of its names it is installed."""
    names, _ = PROGRAMS[name]
    return next((path for each in names if (path := shutil.which(each))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of `LONG` first, and otherwise in the order in which they were found."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    name = item.nodeid.removeprefix("tests/")
    return next((turn for turn, begin in enumerate(LONG) if name.startswith(begin)), len(LONG))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            if find_program(name) is None:
                pytest.skip(f"needs {name} ({PROGRAMS[name][1]})")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def bin_folder() -> Path:
    """Where the commands of this environment are: `broker`, `jupyter`, `lint-imports`."""
    return Path(sys.executable).parent


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; a test that asks for it is skipped where there is none."""
    path = find_program("chromium")
    if path is None:
        pytest.skip(f"needs chromium ({PROGRAMS['chromium'][1]})")
    return path


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser without a window, that reaches nothing but this machine.

    It lives as long as a module of tests, not longer: while Playwright's synchronous interface is
    open, an event loop counts as running in this thread, and other tests have loops of their own.
    """
    alone = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", alone])
        yield browser
        browser.close()
