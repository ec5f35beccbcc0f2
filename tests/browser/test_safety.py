"""The key, the policy, and texts that would like to be code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import situations
from tests.browser.fake_api import KEY, Said
from tests.browser.operator import PATH
from tests.browser.situations import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.browser.fake_api import FakeApi
    from tests.browser.operator import Operator

SITUATIONS = ["traffic", "dead_region", "unknown", "idle", "hostile"]


def test_no_situation_breaks_the_policy_or_the_scripts(operator: Operator) -> None:
    """What the browser complains of fails the test at its end."""
    operator.look()
    for name in SITUATIONS:
        operator.meet(getattr(situations, name)())
        for card in operator.at("[name=scope]").all():
            card.check(force=True)
        operator.run("() => document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        expect(operator.at("#errors .detail")).to_have_count(operator.at("#errors details").count())
    assert operator.violations() == []


def test_policy_is_in_force(operator: Operator) -> None:
    operator.open()
    operator.run(
        """() => {
            const style = document.createElement("p");
            style.setAttribute("style", "color: red");
            const script = document.createElement("script");
            try { script.text = "window.ran = 1"; document.body.append(script); } catch { window.trusted = 1; }
            document.body.append(style);
        }"""
    )

    assert operator.run("() => [window.ran, window.trusted]") == [None, 1]
    assert any("style-src" in violation for violation in operator.violations())
    assert any("trusted" in violation for violation in operator.violations())
    operator.complaints.clear()
    operator.run("() => { window.violations = []; }")


def test_key_is_in_no_storage_no_url_and_no_document(operator: Operator) -> None:
    operator.look()
    operator.wait(6)

    found = operator.run(
        """async () => JSON.stringify([
            Object.entries(localStorage), Object.entries(sessionStorage), document.cookie, location.href,
            document.documentElement.outerHTML, [...document.querySelectorAll("input")].map((input) => input.value),
            history.state, name, await indexedDB.databases(), await caches?.keys?.(),
            performance.getEntries().map((entry) => entry.name),
        ])"""
    )
    assert "Kaizen Edge" in found
    assert KEY not in found
    assert KEY[-12:] not in found
    assert all(KEY not in asked.query for asked in operator.api.asked)
    assert operator.page.context.cookies() == []


def test_key_is_gone_with_the_page(operator: Operator) -> None:
    operator.look()
    operator.page.reload()

    expect(operator.at("#key")).to_be_focused()
    expect(operator.at("#board")).to_be_hidden()
    assert operator.at("#key").input_value() == ""


def test_signing_out_forgets_the_key_and_the_numbers(operator: Operator, api: FakeApi) -> None:
    operator.look()
    operator.at("#signout").click()

    expect(operator.at("#key")).to_be_focused()
    expect(operator.at("#board")).to_be_hidden()
    asked = len(api.asked)
    operator.page.clock.run_for(60_000)
    assert len(api.asked) == asked
    content = operator.page.content()
    assert "4,696,060" not in content
    assert "edge.aws.faults.Throttled" not in content
    operator.sign_in()
    operator.settle()
    assert api.asked[-1].key == KEY


def test_a_refusal_of_an_earlier_key_does_not_sign_the_next_one_out(operator: Operator, api: FakeApi) -> None:
    api.held.clear()
    operator.open().sign_in("another-key")
    operator.at("#signout").click()
    operator.sign_in()
    api.held.set()
    operator.settle()
    operator.page.wait_for_load_state("networkidle")

    expect(operator.at("#overall")).to_contain_text("All 4 regions")
    expect(operator.at("#signin")).to_be_hidden()


def test_an_answer_after_signing_out_is_not_shown(operator: Operator, api: FakeApi) -> None:
    api.held.clear()
    operator.open().sign_in()
    operator.at("#signout").click()
    api.held.set()
    operator.sign_in("another-key")

    expect(operator.at("#refused")).to_contain_text("not accepted")
    assert "4,696,060" not in operator.page.content()


def test_a_key_that_is_refused_is_asked_for_again(operator: Operator, api: FakeApi) -> None:
    operator.look()
    for status, words in [
        (401, "This API key is not accepted: it is unknown, expired or revoked."),
        (403, "This API key may not read monitoring data: it lacks the scope monitoring:read."),
    ]:
        api.said["*"] = Said(status)
        operator.page.clock.run_for(5_000)

        expect(operator.at("#refused")).to_have_text(words)
        expect(operator.at("#key")).to_be_focused()
        expect(operator.at("#board")).to_be_hidden()
        asked = len(api.asked)
        operator.page.clock.run_for(60_000)
        assert len(api.asked) == asked
        api.said.clear()
        operator.sign_in()
        operator.settle()


def test_what_cannot_be_a_key_is_sent_nowhere(operator: Operator, api: FakeApi) -> None:
    operator.open()
    for text in ["   ", "ek with blanks", "ключ", "ek_" + "x" * 300]:
        operator.at("#key").fill(text)
        operator.page.keyboard.press("Enter")

        expect(operator.at("#refused")).to_contain_text("This is not an API key")
        assert operator.at("#key").input_value() == ""
    assert api.asked == []


def test_markup_in_data_is_text(operator: Operator) -> None:
    operator.api.situation = situations.hostile()
    operator.look()
    for summary in operator.at("summary").all():
        summary.click()

    assert (
        operator.run("() => document.querySelectorAll('main :is(img, script, a, iframe, style)').length") == 0
    )
    for part in ("#regions", "#alerts", "#errors", "#dependencies", "#routes", "#answered"):
        assert HOSTILE in operator.at(part).inner_text()
    assert HOSTILE.lower() in operator.at("#decisions").inner_text().lower()
    assert operator.page.title() != "1"
    assert operator.run("() => document.querySelectorAll('[onerror], [style]').length") == 0
    assert operator.at("#errors details").count() == 2
    assert "constructor" in operator.text("#decisions")
    assert "proto" in operator.text("#decisions")


@pytest.mark.parametrize("stem", ["main", "format"])
def test_a_script_that_was_changed_on_its_way_does_not_run(operator: Operator, stem: str) -> None:
    def change(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + "\nwindow.changed = 1;")

    operator.page.route(f"**{operator.api.module(stem)}", change)
    operator.page.goto(operator.api.url + PATH)

    expect(operator.at("#starting")).to_be_visible()
    operator.page.wait_for_load_state("networkidle")
    assert operator.run("() => window.changed") is None
    expect(operator.at("#signin")).to_be_hidden()
    assert any("integrity" in complaint for complaint in operator.complaints)
    operator.complaints.clear()


def test_page_works_under_a_prefix(operator: Operator) -> None:
    """As behind a stage of API Gateway or a path of a proxy."""

    def strip(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/some/prefix/", "/")))

    operator.page.route("**/some/prefix/**", strip)
    operator.page.goto(f"{operator.api.url}/some/prefix{PATH}")
    expect(operator.at("#key")).to_be_focused()
    operator.sign_in()

    expect(operator.at("#overall")).to_contain_text("All 4 regions")
