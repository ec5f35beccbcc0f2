"""The page by keyboard, on a phone, in the dark, without motion, without scripts, read aloud."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import situations
from tests.browser.fake_api import Said
from tests.browser.operator import PATH

if TYPE_CHECKING:
    from tests.browser.conftest import Opens
    from tests.browser.operator import Operator

SCREENSHOTS = Path(__file__).parents[2] / ".cache" / "screenshots"
PHONE_WIDTH = 360
LEAST_CONTRAST = 4.5

CONTRASTS = """() => {
    const channels = (text) => text.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((value) => {
            const part = value / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const found = channels(getComputedStyle(at).backgroundColor);
            if (found.length === 3 || found[3] === 1) return found.slice(0, 3);
        }
        return [255, 255, 255];
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
        const [one, other] = [luminance(channels(getComputedStyle(element).color)), luminance(ground(element))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        found.push([ratio, walker.currentNode.data.trim()]);
    }
    return found;
}"""


UNFOLD = "() => document.querySelectorAll('details').forEach((part) => { part.open = true; })"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(opens: Opens, scheme: str) -> None:
    operator = opens(scheme=scheme).open()
    found = operator.run(CONTRASTS)
    operator.sign_in()
    for name in ("dead_region", "unknown"):
        operator.meet(getattr(situations, name)())
        operator.run(UNFOLD)
        found += operator.run(CONTRASTS)
    operator.api.said["*"] = Said(503)
    operator.page.clock.run_for(20_000)
    expect(operator.at("body")).to_have_class("old")
    found += operator.run(CONTRASTS)

    assert len(found) > 400
    assert [(text, ratio) for ratio, text in found if ratio < LEAST_CONTRAST] == []


def test_nothing_is_wider_than_a_phone(opens: Opens) -> None:
    operator = opens(width=PHONE_WIDTH, height=740).look()
    for name in ["traffic", "dead_region", "unknown", "hostile"]:
        operator.meet(getattr(situations, name)())
        operator.run(UNFOLD)

        widths = operator.run("() => [document.documentElement.scrollWidth, innerWidth]")
        assert widths == [PHONE_WIDTH, PHONE_WIDTH], name
        assert operator.run(OUTSIDE) == [], name


OUTSIDE = """() => [...document.querySelectorAll("main :not(.hidden, .hidden *, .scroll *)")]
    .filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 0.5)
    .map((element) => element.outerHTML.slice(0, 80))"""


def test_everything_is_done_by_keyboard(operator: Operator) -> None:
    operator.look()
    keyboard = operator.page.keyboard
    reached = []
    for _ in range(20):
        keyboard.press("Tab")
        focused = operator.run(
            """() => { const element = document.activeElement;
                const ringed = element.closest(".card") ?? element;
                return [element.id || element.name || element.tagName, getComputedStyle(ringed).outlineStyle,
                    parseFloat(getComputedStyle(ringed).outlineWidth)]; }"""
        )
        if focused[0] != "BODY":  # between the last and the first
            reached.append(focused)
    names = [name for name, _, _ in reached]
    assert {"scope", "SUMMARY", "BUTTON", "refresh", "signout"} <= set(names)
    assert len(set(names)) == 5, "nothing else takes the focus"
    assert all(style == "solid" and width >= 2 for _, style, width in reached)

    operator.at("[name=scope]:checked").focus()
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    assert operator.text("#numbers-title") == "Now sfo1 only"
    keyboard.press("ArrowLeft")
    keyboard.press("ArrowLeft")
    operator.at("#errors summary").first.focus()
    keyboard.press("Enter")
    expect(operator.at("#errors .detail")).to_be_visible()
    operator.at("#signout").focus()
    keyboard.press("Enter")
    expect(operator.at("#key")).to_be_focused()


def test_parts_have_names_to_find_them_by(operator: Operator) -> None:
    operator.look()

    found = operator.run(
        """() => ({
            landmarks: ["header", "main", "footer"].map((tag) => document.querySelectorAll(`body > ${tag}`).length),
            headings: [...document.querySelectorAll("h1, h2")].filter((e) => e.checkVisibility()).map((e) => e.tagName),
            unnamed: [...document.querySelectorAll("section")]
                .filter((e) => !e.hidden && !e.querySelector("h2, h3, h1")).length,
            labels: [...document.querySelectorAll("section[aria-labelledby], input[aria-describedby]")]
                .flatMap((e) => (e.getAttribute("aria-labelledby") ?? e.getAttribute("aria-describedby")).split(" "))
                .filter((id) => !document.getElementById(id)),
            twice: [...document.querySelectorAll("[id]")].map((e) => e.id)
                .filter((id, at, all) => all.indexOf(id) !== at),
            fields: [...document.querySelectorAll("input")].filter((e) => !e.labels.length).length,
            scopes: [...document.querySelectorAll("th:not([scope])")].length,
            drawn: [...document.querySelectorAll("svg:not([aria-hidden=true])")].length,
        })"""
    )
    assert found == {
        "landmarks": [1, 1, 1],
        "headings": ["H1", *["H2"] * 7],
        "unnamed": 0,
        "labels": [],
        "twice": [],
        "fields": 0,
        "scopes": 0,
        "drawn": 0,
    }


def test_states_differ_in_shape_and_word_not_only_in_colour(operator: Operator) -> None:
    operator.api.situation = situations.dead_region()
    operator.look()

    states = operator.run(
        """() => Object.fromEntries([...document.querySelectorAll("#regions .badge")]
            .map((badge) => [badge.textContent, badge.querySelector("path").getAttribute("d")]))"""
    )
    assert set(states) == {"healthy", "degraded", "unhealthy", "draining"}
    assert len(set(states.values())) == 4


def test_nothing_moves_for_who_wants_no_motion(opens: Opens) -> None:
    moving = """() => [...document.querySelectorAll("*")].filter((element) => {
        const style = getComputedStyle(element);
        return style.animationName !== "none" || style.transitionDuration.split(", ").some((time) => time !== "0s");
    }).length"""

    assert opens().look().run(moving) > 0
    assert opens(reduced_motion="reduce").look().run(moving) == 0


def test_without_scripts_the_page_says_what_it_needs(opens: Opens) -> None:
    operator = opens(java_script_enabled=False)
    operator.page.goto(operator.api.url + PATH)

    assert "needs its scripts" in operator.text("#starting")
    assert "JavaScript" in operator.text("noscript")
    assert "/api/monitoring/summary" in operator.text("noscript")
    expect(operator.at("#signin")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("device", "width"), [("desktop", 1360), ("phone", PHONE_WIDTH)])
def test_pictures_for_people_to_look_at(opens: Opens, scheme: str, device: str, width: int) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    operator = opens(width=width, scheme=scheme)
    operator.open()
    operator.page.screenshot(path=SCREENSHOTS / f"signin-{device}-{scheme}.png")
    operator.sign_in()
    for name in ("traffic", "dead_region"):
        operator.meet(getattr(situations, name)())
        picture = SCREENSHOTS / f"{name}-{device}-{scheme}.png"
        operator.page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 10_000
