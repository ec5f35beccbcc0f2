"""When the page asks, and what it says while it cannot."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.fake_api import Said
from tests.browser.situations import numbers

if TYPE_CHECKING:
    from tests.browser.conftest import Opens
    from tests.browser.fake_api import FakeApi
    from tests.browser.operator import Operator

JSON = {"content-type": "application/json"}


def test_numbers_come_every_five_seconds(operator: Operator, api: FakeApi) -> None:
    operator.look()
    assert api.count("summary") == 1

    operator.wait(4)
    assert api.count("summary") == 1
    operator.wait(1)
    assert api.count("summary") == 2
    operator.wait(25)
    assert api.count("summary") == 7


def test_errors_and_dependencies_come_every_fifteen(operator: Operator, api: FakeApi) -> None:
    operator.look()
    operator.wait(44)

    assert (api.count("errors"), api.count("health")) == (3, 3)


def test_every_region_is_asked_for_with_the_key_in_a_header(operator: Operator, api: FakeApi) -> None:
    operator.look()

    assert sorted((asked.path, asked.query, asked.key) for asked in api.asked) == [
        ("/api/monitoring/errors", "scope=all&limit=50", api.key),
        ("/api/monitoring/health", "", api.key),
        ("/api/monitoring/summary", "scope=all", api.key),
    ]


def test_new_numbers_replace_old_ones(operator: Operator, api: FakeApi) -> None:
    operator.look()
    api.situation.summary["total"] = numbers(0.01)
    operator.wait(5)

    assert operator.at("#tiles .head b").first.inner_text() == "0.06"


def test_button_asks_everything_at_once(operator: Operator, api: FakeApi) -> None:
    operator.look()
    operator.wait(2)
    operator.ask()

    assert [api.count(name) for name in ("summary", "errors", "health")] == [2, 2, 2]
    operator.wait(4)
    assert api.count("summary") == 2


def test_nobody_asks_while_an_answer_is_awaited(operator: Operator, api: FakeApi) -> None:
    operator.look()
    api.held.clear()
    operator.at("#refresh").click()
    expect(operator.at("#refresh")).to_be_disabled()
    operator.page.clock.run_for(6_000)
    operator.hide(hidden=True)
    operator.hide(hidden=False)
    operator.page.clock.run_for(3_000)

    assert api.count("summary") == 2
    api.held.set()
    operator.settle()
    operator.wait(1)
    assert api.count("summary") == 3


def test_an_answer_that_does_not_come_is_given_up(operator: Operator, api: FakeApi) -> None:
    operator.look()
    api.held.clear()
    operator.at("#refresh").click()
    expect(operator.at("#refresh")).to_be_disabled()
    operator.page.clock.run_for(10_100)

    expect(operator.at("#failure")).to_contain_text("The API did not answer within 10 seconds.")
    expect(operator.at("#refresh")).to_be_enabled()


def test_a_hidden_page_asks_nothing_and_catches_up_when_seen(operator: Operator, api: FakeApi) -> None:
    operator.look()
    operator.hide(hidden=True)
    operator.page.clock.run_for(60_000)
    assert api.count("summary") == 1

    operator.hide(hidden=False)
    operator.wait(1)
    assert api.count("summary") == 2
    operator.wait(5)
    assert api.count("summary") == 3


def test_a_glance_away_asks_no_sooner(operator: Operator, api: FakeApi) -> None:
    operator.look()
    operator.wait(2)
    operator.hide(hidden=True)
    operator.hide(hidden=False)
    operator.wait(2)

    assert api.count("summary") == 1


@pytest.mark.parametrize(
    ("chance", "waits"),
    [(1.0, [10, 20, 40, 60, 60]), (0.0, [5, 10, 20, 30, 30])],
    ids=["longest", "shortest"],
)
def test_failures_make_it_ask_ever_more_seldom(opens: Opens, chance: float, waits: list[int]) -> None:
    operator = opens(chance=chance).look()
    api = operator.api
    api.said["*"] = Said(503)
    operator.wait(5)
    asked = api.count("summary")
    assert asked == 2

    for seconds in waits:
        assert operator.text("#next") == f"Next try in {seconds} s."
        operator.page.clock.run_for(seconds * 1_000 - 100)
        assert api.count("summary") == asked
        operator.page.clock.run_for(100)
        operator.settle()
        asked += 1
        assert api.count("summary") == asked


def test_success_ends_the_back_off(operator: Operator, api: FakeApi) -> None:
    operator.look()
    api.said["*"] = Said(500)
    operator.wait(5)
    assert (
        operator.text("#failure")
        == "The service failed (500). Request req-77. What is shown is from 20:04:51."
    )

    api.said.clear()
    operator.ask()
    assert (operator.text("#failure"), operator.text("#next")) == ("", "")
    asked = api.count("summary")
    operator.wait(5)
    assert api.count("summary") == asked + 1


def test_retry_after_is_kept(operator: Operator, api: FakeApi) -> None:
    operator.look()
    api.said["summary"] = Said(429, {"retry-after": "300"})
    operator.wait(5)

    assert operator.text("#failure").startswith("This API key is over its limit.")
    assert operator.text("#next") == "Next try in 5 min."
    asked = api.count("summary")
    operator.page.clock.fast_forward(298_000)
    operator.wait(1)
    assert api.count("summary") == asked
    operator.wait(2)
    assert api.count("summary") == asked + 1


REFUSALS = [
    (Said(429), "This API key is over its limit."),
    (Said(500), "The service failed (500)."),
    (Said(502), "The gateway got no answer from the service (502)."),
    (Said(503), "The service, or something that it needs, is not available (503)."),
    (Said(504), "The service took too long (504)."),
    (Said(404), "This deployment does not have this part of the API."),
    (Said(418), "The API answered 418."),
    (Said(200, JSON, "not json"), "The answer could not be read."),
    (Said(200, JSON, "null"), "The answer could not be read."),
    (Said(200, JSON, "7"), "The answer could not be read."),
]


def test_what_went_wrong_is_said_in_words(operator: Operator, api: FakeApi) -> None:
    api.said["summary"] = REFUSALS[0][0]
    operator.open().sign_in()
    operator.settle()
    assert operator.text("#next") == "Next try in 10 s."

    for said, words in REFUSALS:
        api.said["summary"] = said
        operator.ask()
        assert operator.text("#failure").startswith(words)
        assert operator.text("#failure").endswith("Everything is unknown.")
        assert operator.at("#tiles .head b").all_inner_texts() == ["unknown"] * 7


def test_an_api_that_cannot_be_reached_is_said_so(operator: Operator) -> None:
    operator.look()
    operator.page.route("**/api/**", lambda route: route.abort())
    operator.wait(5)

    assert operator.text("#failure") == "The API cannot be reached. What is shown is from 20:04:51."


STRANGE = [
    "{}",
    "[]",
    '{"regions": 7, "total": "x"}',
    '{"regions": {"a": null}, "total": {}, "alerts": [null], "groups": [null], "checks": {"a": null}}',
    '{"regions": {"a": {"health": 7}}, "total": {"minutes": [null], "auth": 3, "by_route": [null]}, "groups": 3}',
]


def test_an_answer_of_another_shape_breaks_nothing(operator: Operator, api: FakeApi) -> None:
    operator.look()
    for body in STRANGE:
        for name in ("summary", "errors", "health"):
            api.said[name] = Said(200, JSON, body)
        operator.ask()
        assert "unknown" in operator.text("#tiles")
    asked = api.count("summary")
    operator.wait(5)
    assert api.count("summary") == asked + 1


def test_errors_that_cannot_be_read_stay_and_say_so(operator: Operator, api: FakeApi) -> None:
    operator.look()
    api.said["errors"] = Said(503)
    operator.wait(15)

    assert "Could not be read anew: The service, or something" in operator.text("#errors")
    assert operator.facts("#errors > ")["in total"] == "1,379"
    assert operator.text("#failure") == ""


def test_data_that_are_not_refreshed_grow_stale_by_themselves(operator: Operator, api: FakeApi) -> None:
    operator.look()
    api.said["*"] = Said(503)
    assert "data 8 s old" in operator.text("label:has([value=hnd1])")
    operator.wait(8)

    assert "data stale: 16 s old" in operator.text("label:has([value=hnd1])")
    assert "data 8 s old" in operator.text("label:has([value=cdg1])")
    operator.wait(8)
    assert "data stale: 16 s old" in operator.text("label:has([value=cdg1])")
    assert operator.text("label:has([value=all])").endswith("fresh data from none of 4 4 of 4 healthy")
    assert operator.text("#updated") == "Updated 16 s ago"
    expect(operator.at("body")).to_have_class("old")


def test_no_region_stays_green_while_nobody_answers(operator: Operator, api: FakeApi) -> None:
    operator.look()
    api.said["*"] = Said(503)
    operator.wait(29)
    assert operator.text("#overall").startswith("All 4 regions are healthy.")
    operator.wait(2)

    assert operator.text("#overall").startswith("iad1, sfo1, cdg1 and hnd1 are unknown.")
    assert operator.at("#regions .badge").all_inner_texts() == ["unknown"] * 5
    assert "was healthy 31 s ago" in operator.text("label:has([value=cdg1])")
    assert "health unknown" in operator.text("label:has([value=all])")


def test_data_do_not_look_fresh_after_sleep(operator: Operator) -> None:
    operator.look()
    operator.hide(hidden=True)
    operator.page.clock.fast_forward(3_600_000)
    operator.api.held.clear()
    operator.hide(hidden=False)

    assert operator.text("#updated") == "Updated 60 min ago"
    assert "data stale: 60 min old" in operator.text("label:has([value=cdg1])")


def test_a_region_that_is_no_more_leaves_all_of_them(operator: Operator, api: FakeApi) -> None:
    operator.look()
    operator.at("[name=scope][value=hnd1]").check(force=True)
    del api.situation.summary["regions"]["hnd1"]
    operator.wait(5)

    assert operator.text("#numbers-title") == "Now all 3 regions"
    expect(operator.at("[name=scope][value=all]")).to_be_checked()


def test_what_one_reads_stays_in_place_when_numbers_change(operator: Operator, api: FakeApi) -> None:
    operator.look()
    operator.at("#errors summary").first.click()
    operator.at("#charts summary").first.click()
    operator.at("#errors summary").nth(1).focus()
    places = """() => [...document.querySelectorAll("h2, h3, .card, .tile, figure, tr, summary")]
        .map((element) => { const box = element.getBoundingClientRect();
            return [element.tagName, box.x, box.y, box.width, box.height].join(); })"""
    before = operator.run(places)
    total = api.situation.summary["total"]
    assert total is not None
    total["requests"].update(
        {"per_second": 9_876.5, "last_hour": 1, "last_24h": 9_999_999, "total": 99_999_999}
    )
    total["latency_ms"].update({"p50": 1.2, "p95": 199.0, "p99": 9_999.0})
    total["minutes"] = numbers(7.0, phase=4)["minutes"]
    operator.wait(5)

    assert operator.at("#tiles .head b").first.inner_text() == "9,877"
    assert operator.run(places) == before
    assert operator.at("#errors details").first.get_attribute("open") is not None
    expect(operator.at("#errors summary").nth(1)).to_be_focused()


def test_focus_stays_with_an_error_that_moves(operator: Operator, api: FakeApi) -> None:
    operator.look()
    operator.at("#errors summary").nth(2).focus()
    api.situation.errors["groups"].reverse()
    operator.wait(15)

    expect(operator.at("#errors summary").first).to_contain_text("TimeoutError")
    expect(operator.at("#errors summary").first).to_be_focused()


def test_only_news_are_read_aloud(operator: Operator, api: FakeApi) -> None:
    operator.look()
    operator.run(
        """() => { window.spoken = 0;
            for (const live of document.querySelectorAll("[aria-live], [role=alert], [role=status]"))
              new MutationObserver((found) => { window.spoken += found.length; })
                .observe(live, { subtree: true, childList: true, characterData: true }); }"""
    )
    operator.wait(20)
    assert operator.run("() => window.spoken") == 0

    api.situation.summary["regions"]["sfo1"]["health"]["status"] = "unhealthy"
    operator.wait(5)
    assert operator.run("() => window.spoken") > 0
    expect(operator.at("#overall")).to_have_text(re.compile("sfo1 is unhealthy"))
