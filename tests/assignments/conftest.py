"""A browser for the page of a grade, as the tests of figures have one."""

from tests.figures.conftest import browser

__all__ = ["browser"]
