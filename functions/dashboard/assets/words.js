/** Small pieces that every part of the page is made of: states with a shape and a word, values, moments, lists. */

import { h } from "./dom.js";
import { UNKNOWN, count, iso, isNumber, moment, span, utc } from "./format.js";

/** Shape and tone of each state of a region or a dependency: never a colour alone. */
const STATES = new Map([
  ["healthy", { tone: "good", shape: "M5 0a5 5 0 1 0 0 10a5 5 0 0 0 0-10z" }],
  ["degraded", { tone: "warn", shape: "M5 .4L10 9.6H0z" }],
  [
    "unhealthy",
    { tone: "bad", shape: "M1.8 0L5 3.2 8.2 0 10 1.8 6.8 5 10 8.2 8.2 10 5 6.8 1.8 10 0 8.2 3.2 5 0 1.8z" },
  ],
  ["draining", { tone: "away", shape: "M3.4 0h3.2v5H10L5 10L0 5h3.4z" }],
]);
const UNSEEN = {
  tone: "none",
  shape: "M5 0a5 5 0 1 0 0 10a5 5 0 0 0 0-10zm0 2a3 3 0 1 1 0 6a3 3 0 0 1 0-6z",
};
const SEVERITIES = new Map([
  ["critical", { tone: "bad", shape: STATES.get("unhealthy").shape }],
  ["warning", { tone: "warn", shape: STATES.get("degraded").shape }],
  ["error", { tone: "warn", shape: STATES.get("degraded").shape }],
]);

/** Where regions are; the catalogue of `edge.regions` (a test compares them). */
export const PLACES = new Map([
  ["iad1", "N. Virginia"],
  ["sfo1", "N. California"],
  ["cdg1", "Paris"],
  ["hnd1", "Tokyo"],
  ["gru1", "São Paulo"],
  ["sin1", "Singapore"],
]);

/** Nothing where a list of ours should be, an empty list. */
export const list = (value) => (Array.isArray(value) ? value : []);

/** The members of an object, none where there is no object. */
export const members = (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [];

const icon = ({ shape, tone }) =>
  h(
    "svg",
    { class: `icon ${tone}`, viewBox: "0 0 10 10", "aria-hidden": "true" },
    h("path", { d: shape, "fill-rule": "evenodd" }),
  );

const badge = (kind, text) => h("span", { class: `badge ${kind.tone}` }, icon(kind), text);

/** The shape of a state, for a sentence that has its word. */
export const stateIcon = (status) => icon(STATES.get(status) ?? UNSEEN);

export const isState = (status) => STATES.has(status);

/** A state: its shape, its colour and its word. */
export const stateBadge = (status) => badge(STATES.get(status) ?? UNSEEN, isState(status) ? status : UNKNOWN);

/** How bad an alert or an error is. */
export const severityBadge = (severity) =>
  badge(SEVERITIES.get(severity) ?? UNSEEN, SEVERITIES.has(severity) ? severity : UNKNOWN);

/** A value of numbers that are known: null there means that there was nothing to measure. */
export function measured(value, format) {
  if (isNumber(value)) return format(value);
  if (value === null) return h("span", { class: "nothing", title: "nothing to measure" }, "none");
  return nothing();
}

/** What is not known. */
export const nothing = () => h("span", { class: "nothing" }, UNKNOWN);

/** A moment: local to read, UTC to point at. */
export const when = (seconds, nowSeconds) =>
  h("time", { datetime: iso(seconds), title: utc(seconds) }, moment(seconds, nowSeconds));

/** How long ago; the moment itself to point at. */
export const ago = (seconds, nowSeconds) =>
  h(
    "time",
    { datetime: iso(seconds), title: utc(seconds) },
    isNumber(seconds) ? `${span(nowSeconds - seconds)} ago` : UNKNOWN,
  );

/** Terms and what they are, in a line or *tall*, one under the other; null leaves a pair out. */
export const facts = (kind, ...pairs) =>
  h(
    "dl",
    { class: `facts ${kind}` },
    pairs.filter(Boolean).map(([term, value]) => h("div", null, h("dt", null, term), h("dd", null, value))),
  );

/** Lists are cut after so many, and after so many when all is asked for. */
const FEW = 8;
const MOST = 200;

/** What to say where there is nothing to list. */
export const empty = (text) => h("p", { class: "empty" }, text);

/** The first few of *items*, and a button for the rest. */
export function few(id, items, more, show) {
  const shown = items.slice(0, more.has(id) ? MOST : FEW);
  return [
    show(shown),
    items.length > FEW &&
      h(
        "button",
        { type: "button", class: "plain", "data-more": id, "aria-expanded": String(more.has(id)) },
        more.has(id) ? "Show fewer" : `Show all ${count(items.length)}`,
      ),
  ];
}

/** The sum of those that are numbers. */
export const sum = (values) => values.filter(isNumber).reduce((total, value) => total + value, 0);
