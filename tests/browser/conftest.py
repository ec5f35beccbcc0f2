"""One browser and one server for all tests of the page; a page and a situation of its own for each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import situations
from tests.browser.chromium import FLAGS, MISSING, find_chromium
from tests.browser.fake_api import FakeApi, serve
from tests.browser.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    Opens = Callable[..., Operator]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    path = find_chromium()
    if path is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)(MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server() -> Iterator[FakeApi]:
    with serve(situations.traffic()) as api:
        yield api


@pytest.fixture
def api(server: FakeApi) -> FakeApi:
    """The API in a situation of everyday traffic."""
    server.reset(situations.traffic())
    return server


@pytest.fixture
def opens(browser: Browser, api: FakeApi) -> Iterator[Opens]:
    """Makes operators: ``opens(width=…, scheme=…)``. At the end, none of their pages may have complained."""
    yield from _opens(browser, api)
    api.held.set()


@pytest.fixture(scope="module")
def reader(browser: Browser, server: FakeApi) -> Iterator[Operator]:
    """One who only reads, in everyday traffic, and changes nothing: the same for all tests of a file."""
    server.reset(situations.traffic())
    for make in _opens(browser, server):
        yield make().look()


def _opens(browser: Browser, api: FakeApi) -> Iterator[Opens]:
    operators: list[Operator] = []

    def make(
        *, width: int = 1280, height: int = 900, scheme: str = "light", chance: float = 1.0, **more: Any
    ) -> Operator:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            locale="en-GB",
            timezone_id="Europe/Paris",
            **more,
        )
        operator = Operator(context, api, chance=chance)
        operators.append(operator)
        return operator

    yield make
    for operator in operators:
        complaints = [*operator.complaints, *operator.violations()]
        operator.page.context.close()
        assert complaints == []


@pytest.fixture
def operator(opens: Opens) -> Operator:
    """One at a desk, before the page is loaded."""
    return opens()
