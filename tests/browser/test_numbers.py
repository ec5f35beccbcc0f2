"""What the page shows is what the API said: every number, in every part."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from edge.regions import ROUTABLE
from tests.browser import situations
from tests.browser.situations import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.browser.contract import Numbers
    from tests.browser.fake_api import FakeApi
    from tests.browser.operator import Operator

HERE = ZoneInfo("Europe/Paris")


def whole(value: float) -> str:
    return f"{value:,.0f}"


def milliseconds(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{int(value + 0.5):,} ms" if value >= 10 else f"{value:,.1f} ms"


def percent(share: float | None) -> str:
    if share is None:
        return "none"
    value = share * 100
    if value in {0, 100}:
        return f"{value:.0f} %"
    if value < 0.01:
        return "<0.01 %"
    if value > 99.99:
        return ">99.99 %"
    return f"{value:.2f} %" if value < 1 or value > 99 else f"{value:.1f} %"


def rate(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def minute(at: int) -> str:
    return datetime.fromtimestamp(at, HERE).strftime("%H:%M")


def total(api: FakeApi) -> Numbers:
    found = api.situation.summary["total"]
    assert found is not None
    return found


def tile(operator: Operator, place: int) -> tuple[list[str], dict[str, str]]:
    """Return the large numbers and the facts of the *place*-th tile."""
    selector = f"#tiles > :nth-child({place})"
    return operator.at(f"{selector} .head b").all_inner_texts(), operator.facts(selector)


def assert_tiles_tell(operator: Operator, numbers: Numbers) -> None:
    requests, latency, errors = numbers["requests"], numbers["latency_ms"], numbers["errors"]
    cache, limits = numbers["cache"], numbers["rate_limit"]
    ratio = errors["ratio"]
    assert ratio is not None
    assert tile(operator, 1) == (
        [rate(requests["per_second"])],
        {
            "last hour": whole(requests["last_hour"]),
            "last 24 h": whole(requests["last_24h"]),
            "all time": whole(requests["total"]),
        },
    )
    assert tile(operator, 2) == (
        [milliseconds(latency["p50"]), milliseconds(latency["p95"]), milliseconds(latency["p99"])],
        {
            "mean": milliseconds(latency["mean"]),
            "least": milliseconds(latency["min"]),
            "most": milliseconds(latency["max"]),
            "of": whole(latency["count"]) + " requests",
        },
    )
    assert tile(operator, 3) == (
        [percent(ratio)],
        {
            "succeeded": percent(1 - ratio),
            "last 24 h": whole(errors["last_24h"]),
            "all time": whole(errors["total"]),
        },
    )
    assert tile(operator, 4) == (
        [percent(cache["ratio"])],
        {"hits": whole(cache["hits"]), "misses": whole(cache["misses"])},
    )
    assert tile(operator, 5) == (
        [percent(limits["denied"] / sum((limits["allowed"], limits["denied"], limits["degraded"])))],
        {name: whole(limits[name]) for name in ("allowed", "denied", "degraded")},
    )


def assert_breakdown_tells(operator: Operator, title: str, counts: Mapping[str, int]) -> None:
    ranked = sorted(counts.items(), key=lambda pair: -pair[1])
    everything = sum(counts.values())
    shown = operator.run(
        """(title) => [...[...document.querySelectorAll("section.panel")]
            .find((part) => part.querySelector("h3")?.textContent === title).querySelectorAll("tbody tr")]
            .map((row) => [...row.children].map((cell) => cell.textContent))""",
        title,
    )
    assert shown == [
        [name.replace("_", " "), whole(value), percent(value / everything)] for name, value in ranked
    ]


def test_headline_is_what_the_api_said(reader: Operator) -> None:
    assert_tiles_tell(reader, total(reader.api))
    assert reader.text("#overall") == "All 4 regions are healthy. 1 alert is on."
    assert reader.text("#answered") == "Answered by cdg1 0 s ago."


@pytest.mark.parametrize("code", ["iad1", "sfo1", "cdg1", "hnd1"])
def test_card_of_a_region_is_what_the_api_said(reader: Operator, code: str) -> None:
    view = reader.api.situation.summary["regions"][code]
    numbers, health = view["numbers"], view["health"]
    assert numbers is not None
    place = next(region.place for region in ROUTABLE if region.code == code)
    assert reader.text(f"label:has([value={code}])") == (
        f"{code} {place} healthy {rate(numbers['requests']['per_second'])} requests/s "
        f"{milliseconds(numbers['latency_ms']['p95'])} p95 {percent(numbers['errors']['ratio'])} errors "
        f"data {int(view['data_age_seconds'] or 0)} s old "
        f"healthy since 19 Nov, {minute(NOW - 93_600)} "
        f"3 observers, 0 say down, {milliseconds(health['latency_ms'])} away"
    )


def test_every_outcome_is_counted_as_the_api_said(reader: Operator) -> None:
    numbers = total(reader.api)
    limits = numbers["rate_limit"]
    decisions = {"allowed": limits["allowed"], "denied": limits["denied"], "degraded": limits["degraded"]}
    assert_breakdown_tells(reader, "Rate limits", decisions)
    assert_breakdown_tells(reader, "Authentication", numbers["auth"])
    assert_breakdown_tells(reader, "Signatures", numbers["signatures"])
    assert_breakdown_tells(reader, "Routing", numbers["routing"])
    assert_breakdown_tells(reader, "By method", numbers["by_method"])
    assert_breakdown_tells(reader, "By status", numbers["by_status"])


def test_every_route_is_listed_when_asked(operator: Operator) -> None:
    operator.look()
    few = operator.rows("#routes")
    operator.at("#routes button").click()

    routes = total(operator.api)["by_route"]
    everything = sum(route["requests"] for route in routes)
    expected = [
        [
            f"{route['route']} {route['function']}",
            whole(route["requests"]),
            percent(route["requests"] / everything),
            whole(route["errors"]),
            milliseconds(route["p95_ms"]),
        ]
        for route in routes
    ]
    assert few == expected[:8]
    assert operator.rows("#routes") == expected


def test_minutes_and_hours_are_in_tables_too(operator: Operator) -> None:
    operator.look()
    for summary in operator.at("#charts summary").all():
        summary.click()

    numbers = total(operator.api)
    minutes, hours = numbers["minutes"][::-1], numbers["hours"][::-1]
    per_minute = [
        [minute(point["at"]), whole(point["requests"]), whole(point["errors"])] for point in minutes
    ]
    assert operator.rows("[data-open=rpm]") == per_minute
    assert operator.rows("[data-open=p95]") == [
        [minute(point["at"]), milliseconds(point["p95_ms"])] for point in minutes
    ]
    assert operator.rows("[data-open=rph]") == [
        [minute(point["at"]), whole(point["requests"])] for point in hours
    ]
    assert operator.rows("[data-open=eph]") == [
        [minute(point["at"]), whole(point["errors"])] for point in hours
    ]


def test_bars_are_as_high_as_their_numbers(reader: Operator) -> None:
    heights = reader.run(
        """() => [...document.querySelectorAll("#charts figure:nth-of-type(3) .bar")]
            .map((bar) => Number(bar.getAttribute("height")))"""
    )
    counts = [point["requests"] for point in total(reader.api)["hours"]]
    top = int(reader.text("#charts figure:nth-of-type(3) .axis").replace(",", ""))
    assert top >= max(counts)
    assert heights == pytest.approx([value / top * 100 for value in counts], abs=0.01)


def test_line_has_gaps_where_nothing_was_measured(reader: Operator) -> None:
    drawn = reader.at("#charts .curve").get_attribute("d") or ""
    measured = [point["p95_ms"] is not None for point in total(reader.api)["minutes"]]
    begun = sum(now and not before for before, now in zip([False, *measured], measured, strict=False))

    assert begun == 3
    assert drawn.count("M") == begun
    assert drawn.count("M") + drawn.count("L") == sum(measured)


def test_what_one_points_at_is_read_out(operator: Operator) -> None:
    operator.look()
    operator.at("#charts figure").first.locator(".hit").nth(41).hover()

    point = total(operator.api)["minutes"][41]
    assert operator.text("#charts figure .readout") == (
        f"{minute(point['at'])}: {whole(point['requests'])} requests, {whole(point['errors'])} errors"
    )


def test_alerts_that_are_on_come_first(reader: Operator) -> None:
    yesterday, until = (f"19 Nov, {minute(at)}" for at in (NOW - 90_000, NOW - 89_400))
    assert [" ".join(text.split()) for text in reader.at("#alerts li").all_inner_texts()] == [
        f"warning Response time 231 ms hnd1 on since {minute(NOW - 1_380)}, 23 min",
        f"critical Error rate 3.1 % iad1 from {minute(NOW - 20_940)} to {minute(NOW - 20_480)}, 7 min",
        f"warning Rate limits degraded 14 cdg1 from {yesterday} to {until}, 10 min",
    ]


def test_errors_unfold_to_their_samples(operator: Operator) -> None:
    operator.look()
    group = operator.api.situation.errors["groups"][0]
    assert operator.facts("#errors > ") == {
        "in total": "1,379",
        "unique": "17",
        "critical of these": "1",
        "read": "0 s ago",
    }
    assert operator.text("#errors summary") == (
        f"error {group['type']} {group['title']} {group['count']} × 2 min ago"
    )

    operator.at("#errors summary").first.click()

    detail = operator.text("#errors .detail")
    assert operator.facts("#errors .detail") == {
        "first seen": "16 Nov, " + minute(group["first_seen"]),
        "last seen": minute(group["last_seen"]),
        "last 24 h": whole(sum(group["trend"])),
        "in": "ratelimit_check",
        "iad1": "200",
        "cdg1": "14",
    }
    for frame in group["where"]:
        assert frame in detail
    for sample in group["samples"]:
        assert (
            f"{sample['message']} {minute(sample['at'])} · {sample['region']} · {sample['function']} · "
            f"{sample['route']} · status {sample['status']} · request {sample['request_id']}"
        ) in detail


def test_dependencies_are_what_the_health_endpoint_said(reader: Operator) -> None:
    assert reader.rows("#dependencies") == [
        ["rate windows critical", "healthy", "3.0 ms", "0"],
        ["keys not critical, too slow", "unhealthy", "212 ms", "2"],
    ]
    assert reader.facts("#dependencies") == {
        "version": "0.4.0",
        "up for": "94 min",
        "memory resident": "47 MiB",
        "memory limit": "unknown",
        "errors unexpected": "3",
    }


def test_errors_that_are_not_all_there_say_so(operator: Operator) -> None:
    operator.api.situation.errors["complete"] = False
    operator.look()

    assert "Some errors could not be read." in operator.text("#errors")


def test_an_unhealthy_region_says_so_with_its_503(operator: Operator) -> None:
    operator.api.situation.health["status"] = "unhealthy"
    operator.look()

    assert operator.text("#dependencies > p").startswith("cdg1 unhealthy")
    assert operator.text("#failure") == ""


def test_usage_tells_what_the_key_has_left(operator: Operator) -> None:
    operator.api.headers = {
        "x-ratelimit-limit": "10000",
        "x-ratelimit-remaining": "9120",
        "x-ratelimit-reset": str(NOW + 600),
    }
    operator.look()

    numbers = total(operator.api)
    assert operator.facts("#usage") == {
        "requests, last hour": whole(numbers["requests"]["last_hour"]),
        "average per hour, last 24 h": whole(numbers["requests"]["last_24h"] / 24),
        "environments": whole(numbers["instances"]),
        "samples dropped": whole(numbers["dropped"]),
        "left for this key": "9,120 of 10,000",
        "renewed": minute(NOW + 600),
    }


def test_one_region_shows_its_own_numbers(operator: Operator) -> None:
    operator.look()
    for code in ("iad1", "hnd1"):
        operator.at(f"[name=scope][value={code}]").check(force=True)

        numbers = operator.api.situation.summary["regions"][code]["numbers"]
        assert numbers is not None
        assert_tiles_tell(operator, numbers)
        assert_breakdown_tells(operator, "Authentication", numbers["auth"])
        assert operator.text("#numbers-title") == f"Now {code} only"
        assert all(code in text for text in operator.at("#alerts li").all_inner_texts())
        own = [group for group in operator.api.situation.errors["groups"] if code in group["by_region"]]
        shown = operator.at("#errors summary .tail b").all_inner_texts()
        assert shown == [f"{group['by_region'][code]} ×" for group in own]
        in_total = sum(group["by_region"][code] for group in own)
        assert operator.facts("#errors > ")["in total"] == whole(in_total)


def test_a_dead_region_is_said_in_words(operator: Operator) -> None:
    operator.api.situation = situations.dead_region()
    operator.look()

    assert operator.text("#overall") == "hnd1 is unhealthy. 2 alerts are on."
    assert operator.page.title() == "hnd1 is unhealthy. 2 alerts on. Kaizen Edge"
    assert operator.text("label:has([value=hnd1])") == (
        f"hnd1 Tokyo unhealthy unknown requests, p95, errors data unknown unhealthy since {minute(NOW - 340)} "
        "3 observers, 3 say down"
    )
    assert "draining" in operator.text("label:has([value=sfo1])")
    assert f"until {minute(NOW + 2_400)}: planned maintenance of the tables" in operator.text(
        "label:has([value=sfo1])"
    )
    assert "degraded" in operator.text("label:has([value=iad1])")
    assert "data stale: 42 s old" in operator.text("label:has([value=iad1])")
    assert operator.text("#numbers-title") == "Now all regions but hnd1, which is unknown"
    assert "Without hnd1, unknown." in operator.text("#errors")
    assert [text for text in operator.at("#tiles .warning").all_inner_texts() if text] == [
        "p95 is above 200 ms",
        "above 1.0 %",
        "some were decided without the store",
    ]


OUR_OWN = re.compile(r"[a-z]{3}1|p\d\d|24 h|304|5xx|none of 4")
"""Digits that are in our words."""

NUMBER_PARTS = ["#regions", "#tiles", "#charts", "#routes", "#kinds", "#decisions"]


def test_what_is_unknown_is_never_zero(operator: Operator) -> None:
    operator.api.situation = situations.unknown()
    operator.look()

    for part in NUMBER_PARTS:
        shown = operator.text(part)
        assert "unknown" in shown
        assert re.findall(r"\d+", OUR_OWN.sub("", shown)) == [], part
    assert operator.at("#charts .bar").count() == 0
    assert operator.text("#overall") == "iad1, sfo1, cdg1 and hnd1 are unknown."
    assert operator.text("#alerts") == "None."
    assert "Dependencies unknown." in operator.text("#dependencies")
    assert operator.facts("#dependencies") == {"version": "unknown", "up for": "unknown"}


def test_a_region_that_is_unknown_shows_no_numbers_of_others(operator: Operator) -> None:
    operator.api.situation = situations.dead_region()
    operator.look()
    operator.at("[name=scope][value=hnd1]").check(force=True)

    heads = operator.at("#tiles .head b").all_inner_texts()
    assert heads == ["unknown"] * 7


def test_nothing_asked_is_zero_and_nothing_measured_is_none(operator: Operator) -> None:
    operator.api.situation = situations.idle()
    operator.look()

    assert operator.at("#tiles .head b").all_inner_texts() == ["0", *["none"] * 6]
    assert operator.facts("#tiles > :nth-child(1)") == {"last hour": "0", "last 24 h": "0", "all time": "0"}
    assert operator.text("#routes") == "No requests yet."
    assert operator.text("#errors").endswith("None.")
    assert "unknown" not in operator.text("#tiles")


def test_moments_have_utc_to_point_at(reader: Operator) -> None:
    time = reader.at("#alerts time").first
    began = datetime.fromtimestamp(NOW - 1_380, UTC)
    assert time.get_attribute("title") == began.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert time.get_attribute("datetime") == began.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_ages_are_right_on_a_machine_whose_clock_is_wrong(operator: Operator) -> None:
    operator.api.situation.summary["generated_at"] = NOW
    operator.page.clock.set_system_time(NOW - 86_400)
    operator.look()

    assert operator.text("#alerts li").endswith("23 min")


def test_places_are_those_of_the_catalogue(reader: Operator) -> None:
    places = reader.run("async (path) => [...(await import(path)).PLACES]", reader.api.module("words"))
    assert places == [[region.code, region.place] for region in ROUTABLE]


WRITTEN = [
    ("percent", 0, "0 %"),
    ("percent", 0.00001, "<0.01 %"),
    ("percent", 0.0999, "10.0 %"),
    ("percent", 0.99999, ">99.99 %"),
    ("percent", 1, "100 %"),
    ("percent", None, "unknown"),
    ("rate", 0.001, "<0.01"),
    ("rate", 0, "0"),
    ("rate", 1234.5, "1,235"),
    ("milliseconds", 0, "0 ms"),
    ("milliseconds", 0.04, "<0.1 ms"),
    ("milliseconds", 999, "999 ms"),
    ("milliseconds", 1_250, "1.25 s"),
    ("milliseconds", 12_345, "12.3 s"),
    ("count", 12_345_678, "12,345,678"),
    ("count", None, "unknown"),
    ("count", "7", "unknown"),
    ("span", 119.9, "119 s"),
    ("span", 7_300, "2 h 1 min"),
    ("span", 180_000, "2 d"),
    ("utc", 10**18, "unknown"),
    ("time", None, "unknown"),
]


def test_numbers_are_written_so(reader: Operator) -> None:
    written = reader.run(
        """async ([path, cases]) => {
            const format = await import(path);
            return cases.map(([name, value]) => [name, value, format[name](value)]);
        }""",
        [reader.api.module("format"), WRITTEN],
    )
    assert [tuple(case) for case in written] == WRITTEN
