/** The lower half: how requests are distributed, what was decided, what the region depends on. */

import { shareBar } from "./charts.js";
import { h } from "./dom.js";
import { UNKNOWN, count, isNumber, milliseconds, percent, span, words } from "./format.js";
import { empty, facts, few, list, measured, members, nothing, stateBadge, sum, when } from "./words.js";

const MEBIBYTE = 2 ** 20;

/** Requests by route. */
export function routes(numbers, { more }) {
  if (!numbers) return empty(UNKNOWN);
  const found = list(numbers.by_route).filter(Boolean);
  if (!found.length) return empty("No requests yet.");
  const all = sum(found.map((route) => route.requests));
  return few("routes", found, more, (shown) =>
    h(
      "table",
      { class: "routes" },
      h(
        "thead",
        null,
        h("tr", null, head("Route"), head("Requests"), head("Share", "wide"), head("Errors"), head("p95")),
      ),
      h(
        "tbody",
        null,
        shown.map((route, index) =>
          h(
            "tr",
            { key: `${index} ${route.route}` },
            h(
              "th",
              { scope: "row" },
              h("code", null, pathParts(route.route)),
              " ",
              h("span", { class: "quiet" }, String(route.function ?? UNKNOWN)),
            ),
            h("td", null, count(route.requests)),
            h(
              "td",
              { class: "wide" },
              shareBar(route.requests / all),
              h("span", null, all ? percent(route.requests / all) : "none"),
            ),
            h("td", { class: route.errors ? "bad" : "" }, count(route.errors)),
            h("td", null, measured(route.p95_ms, milliseconds)),
          ),
        ),
      ),
    ),
  );
}

/** A path that may break after each slash. */
const pathParts = (path) =>
  String(path ?? UNKNOWN)
    .split(/(?<=\/)/)
    .map((part) => [part, h("wbr")]);

const head = (text, kind = "") => h("th", { scope: "col", class: kind }, text);

/** One count for each outcome, the most frequent first. */
export function breakdown(title, counts, noun) {
  const entries = members(counts).filter(([, value]) => isNumber(value));
  const all = sum(entries.map(([, value]) => value));
  entries.sort(([, one], [, other]) => other - one);
  return h(
    "section",
    { class: "panel", key: title },
    h("h3", null, title),
    counts === null || counts === undefined
      ? empty(UNKNOWN)
      : entries.length
        ? h(
            "table",
            { class: "breakdown" },
            h("thead", { class: "hidden" }, h("tr", null, head(noun), head("count"), head("share"))),
            h(
              "tbody",
              null,
              entries.map(([name, value]) =>
                h(
                  "tr",
                  { key: name },
                  h("th", { scope: "row" }, words(name)),
                  h("td", null, count(value)),
                  h(
                    "td",
                    { class: "part" },
                    shareBar(all ? value / all : 0),
                    h("span", null, all ? percent(value / all) : "none"),
                  ),
                ),
              ),
            ),
          )
        : empty("None yet."),
  );
}

/** What the answering region depends on, as its health endpoint says. */
export function dependencies({ health, healthFailure }, nowSeconds) {
  const failed = healthFailure && h("p", { class: "warning" }, `Could not be read anew: ${healthFailure}`);
  if (!health) return [failed, empty(UNKNOWN)];
  const checks = members(health.checks);
  return [
    failed,
    h(
      "p",
      null,
      h("b", null, String(health.region ?? UNKNOWN)),
      " ",
      stateBadge(health.status),
      " ",
      h("span", { class: "quiet" }, "as of ", when(health.timestamp, nowSeconds)),
    ),
    facts(
      "",
      ["version", health.version === undefined ? nothing() : String(health.version)],
      ["up for", span(health.uptime_seconds)],
      ...flat("memory", health.memory),
      ...flat("errors", health.errors),
    ),
    checks.length
      ? h(
          "table",
          { class: "checks" },
          h(
            "thead",
            null,
            h("tr", null, head("Dependency"), head("State"), head("Took"), head("Failures in a row")),
          ),
          h(
            "tbody",
            null,
            checks.map(([name, check]) => checkRow(name, check ?? {})),
          ),
        )
      : empty(`Dependencies ${UNKNOWN}.`),
  ];
}

const checkRow = (name, check) =>
  h(
    "tr",
    { key: name },
    h("th", { scope: "row" }, words(name), " ", h("span", { class: "quiet" }, checkWords(check))),
    h("td", null, stateBadge(check.status)),
    h("td", null, measured(check.latency_ms, milliseconds)),
    h("td", null, measured(check.consecutive_failures, count)),
  );

const checkWords = ({ critical, fault }) =>
  [critical === false ? "not critical" : critical ? "critical" : "", fault ? words(fault) : ""]
    .filter(Boolean)
    .join(", ");

/** Plain members of whatever the health endpoint says of itself, as facts. */
function flat(title, value) {
  return members(value).map(([name, inner]) => [
    `${title} ${words(name.replace(/_bytes$/, ""))}`,
    plain(name, inner),
  ]);
}

function plain(name, value) {
  if (value === null) return nothing();
  return isNumber(value) && name.endsWith("_bytes") ? `${count(value / MEBIBYTE)} MiB` : String(value);
}

/** How the API is used, and what this page's key may still ask. */
export function usage(numbers, quota, nowSeconds) {
  const known = (value, format) => (numbers ? measured(value, format) : nothing());
  return facts(
    "tall",
    ["requests, last hour", known(numbers?.requests?.last_hour, count)],
    [
      "average per hour, last 24 h",
      known(isNumber(numbers?.requests?.last_24h) ? numbers.requests.last_24h / 24 : null, count),
    ],
    ["environments", known(numbers?.instances, count)],
    ["samples dropped", known(numbers?.dropped, count)],
    ["left for this key", quota ? `${count(quota.remaining)} of ${count(quota.limit)}` : "no limit is told"],
    quota && isNumber(quota.resetAt) ? ["renewed", when(quota.resetAt, nowSeconds)] : null,
  );
}
