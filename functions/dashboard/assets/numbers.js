/** The numbers that matter most, and what they were over time. */

import { timeChart } from "./charts.js";
import { h } from "./dom.js";
import { count, isNumber, milliseconds, percent, rate, span } from "./format.js";
import { facts, list, measured, nothing } from "./words.js";

const MOST_ERRORS = 0.01;
const SLOW_MS = 200;

/** The numbers that matter most. */
export function tiles(numbers) {
  const { requests, latency_ms: latency, errors, cache, rate_limit: limits } = numbers ?? {};
  const known = (value, format) => (numbers ? measured(value, format) : nothing());
  const minutes = numbers ? `last ${span(numbers.window_seconds)}` : "";
  const failing = errors?.ratio >= MOST_ERRORS;
  const slow = latency?.p95 > SLOW_MS;
  const decided = (limits?.allowed ?? 0) + (limits?.denied ?? 0) + (limits?.degraded ?? 0);
  return [
    tile(
      "Throughput",
      minutes,
      [[known(requests?.per_second, rate), "requests per second"]],
      [
        ["last hour", known(requests?.last_hour, count)],
        ["last 24 h", known(requests?.last_24h, count)],
        ["all time", known(requests?.total, count)],
      ],
    ),
    tile(
      "Response time",
      minutes,
      ["p50", "p95", "p99"].map((name) => [
        known(latency?.[name], milliseconds),
        name,
        name === "p95" && slow ? "warn" : "",
      ]),
      [
        ["mean", known(latency?.mean, milliseconds)],
        ["least", known(latency?.min, milliseconds)],
        ["most", known(latency?.max, milliseconds)],
        ["of", numbers ? [known(latency?.count, count), " requests"] : nothing()],
      ],
      slow ? `p95 is above ${SLOW_MS} ms` : "",
    ),
    tile(
      "Errors",
      minutes,
      [[known(errors?.ratio, percent), "of requests (5xx)", failing ? "bad" : ""]],
      [
        ["succeeded", known(isNumber(errors?.ratio) ? 1 - errors.ratio : errors?.ratio, percent)],
        ["last 24 h", known(errors?.last_24h, count)],
        ["all time", known(errors?.total, count)],
      ],
      failing ? `above ${percent(MOST_ERRORS)}` : "",
    ),
    tile(
      "Cache hits",
      "all time",
      [[known(cache?.ratio, percent), "answered by 304"]],
      [
        ["hits", known(cache?.hits, count)],
        ["misses", known(cache?.misses, count)],
      ],
    ),
    tile(
      "Rate limits",
      "all time",
      [[known(decided ? limits.denied / decided : limits ? null : undefined, percent), "of checks denied"]],
      [
        ["allowed", known(limits?.allowed, count)],
        ["denied", known(limits?.denied, count)],
        ["degraded", known(limits?.degraded, count)],
      ],
      limits?.degraded ? "some were decided without the store" : "",
    ),
  ];
}

const tile = (title, when_, heads, rest, warning = "") =>
  h(
    "section",
    { class: "tile panel", key: title },
    h("h3", null, title, " ", h("span", { class: "quiet" }, when_)),
    h(
      "div",
      { class: "heads" },
      heads.map(([value, name, tone = ""]) =>
        h("p", { class: `head ${tone}` }, h("b", null, value), " ", h("span", { class: "quiet" }, name)),
      ),
    ),
    facts("tall", ...rest),
    h("p", { class: "warning" }, warning),
  );

/** What happened over time. */
export function charts(numbers, ui) {
  const minutes = numbers ? list(numbers.minutes) : null;
  const hours = numbers ? list(numbers.hours) : null;
  const requests = {
    name: "requests",
    kind: "bars",
    tone: "",
    value: (point) => point?.requests,
    text: count,
  };
  const errors = { name: "errors", kind: "bars", tone: "bad", value: (point) => point?.errors, text: count };
  const p95 = {
    name: "p95",
    kind: "line",
    tone: "",
    value: (point) => point?.p95_ms,
    text: (value) => (isNumber(value) ? milliseconds(value) : "none"),
  };
  return [
    timeChart(
      {
        id: "rpm",
        title: "Requests and errors per minute",
        points: minutes,
        layers: [requests, errors],
        axis: count,
        step: "minute",
        note: peak(minutes, "requests"),
      },
      ui,
    ),
    timeChart(
      {
        id: "p95",
        title: "Response time p95 per minute",
        points: minutes,
        layers: [p95],
        axis: milliseconds,
        step: "minute",
        note: slowest(minutes),
      },
      ui,
    ),
    timeChart(
      {
        id: "rph",
        title: "Requests per hour, last 24 h",
        points: hours,
        layers: [requests],
        axis: count,
        step: "hour",
        note: peak(hours, "requests"),
      },
      ui,
    ),
    timeChart(
      {
        id: "eph",
        title: "Errors per hour, last 24 h",
        points: hours,
        layers: [errors],
        axis: count,
        step: "hour",
        note: peak(hours, "errors"),
      },
      ui,
    ),
  ];
}

const most = (points, name) =>
  Math.max(
    ...list(points)
      .map((point) => point?.[name])
      .filter(isNumber),
  );

function peak(points, name) {
  const value = most(points, name);
  return value === 0 ? `no ${name}` : isNumber(value) ? `most: ${count(value)}` : "";
}

function slowest(points) {
  const value = most(points, "p95_ms");
  return isNumber(value) ? `slowest: ${milliseconds(value)}` : "";
}
