"""An operator at the page: signs in, looks, waits. Time on the page stands still unless it is moved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import expect

from tests.browser.fake_api import KEY
from tests.browser.situations import NOW

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator

    from tests.browser.fake_api import FakeApi
    from tests.browser.situations import Situation

PATH: Final = "/monitoring-dashboard"
_LISTEN: Final = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) =>
      window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
_HIDE: Final = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


class Operator:
    """
    One open page.

    Args:
        context: of a browser.
        api: what the page talks to.
        chance: what ``Math.random`` says on the page.

    Attributes:
        page: Playwright's.
        complaints: what the console and the page's own errors said, but for refused requests, which the tests make.
    """

    def __init__(self, context: BrowserContext, api: FakeApi, *, chance: float = 1.0) -> None:
        self.api = api
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.set_default_timeout(5_000)
        self.page.on("console", lambda message: self._hear(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self._hear(f"error: {error}"))
        self.page.add_init_script(f"Math.random = () => {chance};{_LISTEN}")
        self.page.clock.install(time=NOW)
        self.page.clock.pause_at(NOW + 1)

    def _hear(self, text: str) -> None:
        if "Failed to load resource" not in text:
            self.complaints.append(text)

    def open(self) -> Operator:
        """Load the page."""
        self.page.goto(self.api.url + PATH)
        expect(self.page.locator("#key")).to_be_focused()
        return self

    def sign_in(self, key: str = KEY) -> Operator:
        """Sign in by keyboard, and wait for what follows."""
        self.page.keyboard.type(key)
        self.page.keyboard.press("Enter")
        return self

    def look(self) -> Operator:
        """Open the page, sign in, and wait for the numbers."""
        self.open().sign_in()
        self.settle()
        expect(self.at("#updated")).to_have_text(re.compile("Updated"))
        return self

    def meet(self, situation: Situation) -> None:
        """Ask again by hand, in another situation."""
        self.api.situation = situation
        self.ask()

    def ask(self) -> None:
        """Refresh by hand."""
        self.at("#refresh").click()
        self.settle()

    def settle(self) -> None:
        """Wait until no refresh is under way."""
        expect(self.at("#refresh")).to_be_enabled()

    def wait(self, seconds: float) -> None:
        """Let time pass on the page; each refresh that comes due ends before the next second begins."""
        for _ in range(int(seconds)):
            self.page.clock.run_for(1_000)
            self.settle()

    def hide(self, *, hidden: bool) -> None:
        """Put the page into the background, or back."""
        self.page.evaluate(_HIDE, hidden)

    def at(self, selector: str) -> Locator:
        """Return what *selector* finds."""
        return self.page.locator(selector)

    def text(self, selector: str) -> str:
        """Return the text under *selector*, white space as one blank."""
        return " ".join(self.at(selector).first.inner_text().split())

    def rows(self, selector: str) -> list[list[str]]:
        """Return the cells of the table's body under *selector*."""
        found: list[list[str]] = self.page.evaluate(
            """(selector) => [...document.querySelector(selector).querySelectorAll("tbody tr")]
                .map((row) => [...row.children].map((cell) => cell.textContent.trim()))""",
            selector,
        )
        return found

    def facts(self, selector: str) -> dict[str, str]:
        """Return terms and what they are, of the lists under *selector*."""
        found: dict[str, str] = self.page.evaluate(
            """(selector) => Object.fromEntries([...document.querySelectorAll(`${selector} dl.facts > div`)]
                .map((pair) => [...pair.children].map((part) => part.textContent)))""",
            selector,
        )
        return found

    def run(self, script: str, argument: Any = None) -> Any:
        """Return what *script*, a function, returns on the page."""
        return self.page.evaluate(script, argument)

    def violations(self) -> list[str]:
        """Return the breaches of the page's policy that the browser told."""
        found: list[str] = self.page.evaluate("() => window.violations ?? []")
        return found
