/** The regions: how each does, how old its numbers are, which one is chosen. */

import { h } from "./dom.js";
import { UNKNOWN, count, counted, isNumber, listed, milliseconds, percent, rate, span } from "./format.js";
import { PLACES, ago, isState, list, measured, members, nothing, stateBadge, when } from "./words.js";

export const ALL = "all";
const STALE_SECONDS = 15;
const HEARSAY_SECONDS = 30;
const GRAVITY = ["unhealthy", "degraded", "draining", "unknown", "healthy"];

/**
 * How old a region's numbers are now, in seconds, or null.
 *
 * @param {object} view of the region.
 * @param {number} sinceAnswer seconds since the page got the answer.
 */
export const dataAge = (view, sinceAnswer) =>
  isNumber(view?.data_age_seconds) ? view.data_age_seconds + sinceAnswer : null;

/** `fresh`, `stale` or `unknown`: what is not refreshed grows stale by itself. */
export function dataState(view, sinceAnswer) {
  if (!view?.numbers || (view.data !== "fresh" && view.data !== "stale")) return UNKNOWN;
  const age = dataAge(view, sinceAnswer);
  return view.data === "fresh" && (age ?? sinceAnswer) <= STALE_SECONDS ? "fresh" : "stale";
}

const toldStatus = (view) => (isState(view?.health?.status) ? view.health.status : UNKNOWN);

/** The state of a region; what was said half a minute ago is not known any more: no page stays green by itself. */
const statusOf = (view, sinceAnswer) => (sinceAnswer > HEARSAY_SECONDS ? UNKNOWN : toldStatus(view));

/** The state of all regions: the worst word, and a sentence. */
export function overall({ summary, sinceAnswer }) {
  const regions = members(summary?.regions);
  if (!regions.length) return { status: UNKNOWN, sentence: "The state of the regions is unknown." };
  const groups = GRAVITY.map((status) => [
    status,
    regions.filter(([, view]) => statusOf(view, sinceAnswer) === status),
  ]);
  const [[status, worst]] = groups.filter(([, found]) => found.length);
  const is = worst.length === 1 ? "is" : "are";
  if (status === "healthy") {
    return {
      status,
      sentence:
        regions.length === 1 ? `${worst[0][0]} is healthy.` : `All ${regions.length} regions are healthy.`,
    };
  }
  return { status, sentence: `${listed(worst.map(([code]) => code))} ${is} ${status}.` };
}

/** The regions, each to choose, and all of them together. */
export function regionCards(state, nowSeconds) {
  const { summary, scope, sinceAnswer } = state;
  const regions = members(summary?.regions);
  return [
    allCard(state, regions),
    regions.map(([code, view]) =>
      card({
        code,
        name: code,
        place: PLACES.get(code) ?? view?.aws_region ?? "",
        status: statusOf(view, sinceAnswer),
        numbers: view?.numbers,
        isChosen: scope === code,
        lines: [
          freshness(view, sinceAnswer),
          standing(view, sinceAnswer, nowSeconds),
          observers(view?.health),
        ],
      }),
    ),
  ];
}

function allCard(state, regions) {
  const { summary, scope, sinceAnswer } = state;
  const fresh = regions.filter(([, view]) => dataState(view, sinceAnswer) === "fresh").length;
  const seen = regions.filter(([, view]) => statusOf(view, sinceAnswer) !== UNKNOWN).length;
  const healthy = regions.filter(([, view]) => statusOf(view, sinceAnswer) === "healthy").length;
  const of = `of ${regions.length}`;
  return card({
    code: ALL,
    name: "All regions",
    place: "together",
    status: overall(state).status,
    numbers: summary?.total,
    isChosen: scope === ALL,
    lines: [
      regions.length ? line("", `fresh data from ${fresh || "none"} ${of}`) : line("none", `data ${UNKNOWN}`),
      seen ? line("", `${healthy || "none"} ${of} healthy`) : line("none", `health ${UNKNOWN}`),
    ],
  });
}

function card({ code, name, place, status, numbers, isChosen, lines }) {
  const id = `region-${code}`;
  return h(
    "label",
    { class: "card", key: code },
    h("input", {
      type: "radio",
      name: "scope",
      value: code,
      checked: isChosen,
      "aria-label": `${name}, ${place}`,
      "aria-describedby": id,
    }),
    h("span", { class: "name" }, h("b", null, name), h("span", { class: "quiet" }, place)),
    h(
      "span",
      { id, class: "about" },
      stateBadge(status),
      numbers
        ? h(
            "span",
            { class: "figures" },
            figure("requests/s", measured(numbers.requests?.per_second, rate)),
            figure("p95", measured(numbers.latency_ms?.p95, milliseconds)),
            figure("errors", measured(numbers.errors?.ratio, percent)),
          )
        : h("span", { class: "figures" }, figure("requests, p95, errors", nothing())),
      lines,
    ),
  );
}

const figure = (name, value) =>
  h("span", null, h("b", null, value), " ", h("span", { class: "quiet" }, name));

const line = (tone, ...content) => h("span", { class: `line ${tone}` }, content);

function freshness(view, sinceAnswer) {
  const state = dataState(view, sinceAnswer);
  const age = dataAge(view, sinceAnswer);
  if (state === UNKNOWN) return line("none", `data ${UNKNOWN}`);
  const old = age === null ? `of ${UNKNOWN} age` : `${span(age)} old`;
  return state === "fresh" ? line("", `data ${old}`) : line("warn", `data stale: ${old}`);
}

function standing(view, sinceAnswer, nowSeconds) {
  const { drain, since } = view?.health ?? {};
  if (drain) return line("away", "until ", when(drain.until, nowSeconds), `: ${drain.reason ?? ""}`);
  if (sinceAnswer > HEARSAY_SECONDS) return line("none", `was ${toldStatus(view)} ${span(sinceAnswer)} ago`);
  return isNumber(since)
    ? line("", `${toldStatus(view)} since `, when(since, nowSeconds))
    : line("none", `since when: ${UNKNOWN}`);
}

function observers(health) {
  // Silence is not the same as nobody saying that it is down.
  if (!health?.voices) return line("none", `observers ${UNKNOWN}`);
  const latency = isNumber(health.latency_ms) ? `, ${milliseconds(health.latency_ms)} away` : "";
  return line(
    health.down ? "warn" : "",
    `${counted(health.voices, "observer")}, ${count(health.down)} say down`,
    latency,
  );
}

/** The numbers of the chosen scope, or null where they are unknown. */
export const chosenNumbers = ({ summary, scope }) =>
  (scope === ALL ? summary?.total : summary?.regions?.[scope]?.numbers) ?? null;

/** Whether the chosen scope is one of those that the answer has. */
export const isScope = ({ summary, scope }) =>
  scope === ALL || members(summary.regions).some(([code]) => code === scope);

/** What the chosen scope covers, in words: sums say what they lack. */
export function scopeWords({ summary, scope }) {
  if (scope !== ALL) return `${scope} only`;
  const regions = members(summary?.regions);
  const unread = new Set([
    ...list(summary?.missing).map(String),
    ...regions.filter(([, view]) => !view?.numbers).map(([code]) => code),
  ]);
  if (!unread.size) return regions.length ? `all ${regions.length} regions` : UNKNOWN;
  return `all regions but ${listed([...unread])}, which ${unread.size === 1 ? "is" : "are"} unknown`;
}

/** Who answered and when. */
export const answeredBy = (summary, nowSeconds) =>
  summary
    ? [
        "Answered by ",
        h("b", null, String(summary.region ?? UNKNOWN)),
        " ",
        ago(summary.generated_at, nowSeconds),
        ".",
      ]
    : "";
