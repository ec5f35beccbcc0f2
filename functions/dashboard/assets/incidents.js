/** What went wrong: alerts and errors. */

import { sparkBars } from "./charts.js";
import { h } from "./dom.js";
import { UNKNOWN, count, isNumber, milliseconds, percent, span, words } from "./format.js";
import { ALL } from "./overview.js";
import { ago, empty, facts, few, list, members, severityBadge, sum, when } from "./words.js";

const RULES = new Map([
  ["error_rate", { title: "Error rate", value: percent }],
  ["latency", { title: "Response time", value: milliseconds }],
  ["region_health", { title: "Health of the region", value: count }],
  ["metrics_dropped", { title: "Metrics dropped", value: count }],
  ["rate_limit_degraded", { title: "Rate limits degraded", value: count }],
]);

/** Alerts that are on, then those that are over. */
export function alerts({ summary, scope, more }, nowSeconds) {
  if (!Array.isArray(summary?.alerts)) return empty(UNKNOWN);
  const chosen = summary.alerts.filter((alert) => scope === ALL || alert?.region === scope);
  if (!chosen.length) return empty("None.");
  const sorted = [...chosen.filter(isOn), ...chosen.filter((alert) => !isOn(alert))];
  return few("alerts", sorted, more, (shown) =>
    h(
      "ul",
      { class: "rows" },
      shown.map((alert) => h("li", null, alertRow(alert ?? {}, nowSeconds))),
    ),
  );
}

const isOn = (alert) => alert?.until === null;

/** How many alerts are on. */
export const alertsOn = (summary) => list(summary?.alerts).filter(isOn).length;

function alertRow({ at, until, region, rule, severity, value }, nowSeconds) {
  const known = RULES.get(rule) ?? { title: words(rule ?? UNKNOWN), value: count };
  return [
    h(
      "p",
      null,
      severityBadge(severity),
      " ",
      h("b", null, known.title),
      isNumber(value) ? ` ${known.value(value)}` : "",
      " ",
      h("span", { class: "quiet" }, String(region ?? UNKNOWN)),
    ),
    h(
      "p",
      { class: "quiet" },
      until === null
        ? [h("b", null, "on"), " since ", when(at, nowSeconds), `, ${span(nowSeconds - at)}`]
        : ["from ", when(at, nowSeconds), " to ", when(until, nowSeconds), `, ${span(until - at)}`],
    ),
  ];
}

/** Groups of errors, the latest first. */
export function errors({ errors: found, scope, more, open, errorsFailure }, nowSeconds) {
  const failed = errorsFailure && h("p", { class: "warning" }, `Could not be read anew: ${errorsFailure}`);
  if (!found) return [failed, empty(UNKNOWN)];
  const groups = list(found.groups).filter(
    (group) => group && (scope === ALL || group.by_region?.[scope] > 0),
  );
  const counted_ = (group) => (scope === ALL ? group.count : group.by_region?.[scope]);
  const critical = groups.filter((group) => group.severity === "critical").length;
  return [
    failed,
    facts(
      "",
      ["in total", count(scope === ALL ? found.total : sum(groups.map(counted_)))],
      ["unique", count(scope === ALL ? found.unique : groups.length)],
      [groups.length < found.unique ? "critical of these" : "critical", count(critical)],
      ["read", ago(found.generated_at, nowSeconds)],
    ),
    list(found.missing).length
      ? h("p", { class: "warning" }, `Without ${list(found.missing).join(", ")}, unknown.`)
      : null,
    found.complete === false ? h("p", { class: "warning" }, "Some errors could not be read.") : null,
    groups.length
      ? few("errors", groups, more, (shown) =>
          h(
            "div",
            { class: "rows" },
            shown.map((group) => errorGroup(group, counted_(group), open, nowSeconds)),
          ),
        )
      : empty("None."),
  ];
}

function errorGroup(group, times, open, nowSeconds) {
  const id = `error-${group.key}`;
  return h(
    "details",
    { key: id, "data-open": id },
    h(
      "summary",
      null,
      h(
        "span",
        { class: "title" },
        severityBadge(group.severity),
        " ",
        h("code", null, String(group.type ?? UNKNOWN)),
        " ",
        h("span", null, String(group.title ?? "")),
      ),
      h(
        "span",
        { class: "tail" },
        sparkBars(list(group.trend)),
        h("b", null, `${count(times)} ×`),
        h("span", { class: "quiet" }, ago(group.last_seen, nowSeconds)),
      ),
    ),
    open.has(id) ? errorDetail(group, nowSeconds) : null,
  );
}

const errorDetail = (group, nowSeconds) =>
  h(
    "div",
    { class: "detail" },
    facts(
      "",
      ["first seen", when(group.first_seen, nowSeconds)],
      ["last seen", when(group.last_seen, nowSeconds)],
      ["last 24 h", count(sum(list(group.trend)))],
      ["in", list(group.functions).join(", ") || UNKNOWN],
      ...members(group.by_region).map(([code, times]) => [code, count(times)]),
    ),
    h("h4", null, "Where"),
    list(group.where).length
      ? h(
          "ol",
          { class: "where" },
          list(group.where).map((frame) => h("li", null, h("code", null, String(frame)))),
        )
      : empty(UNKNOWN),
    h("h4", null, "Samples"),
    list(group.samples).length
      ? h(
          "ul",
          { class: "samples" },
          list(group.samples).map((sample) => h("li", null, errorSample(sample ?? {}, nowSeconds))),
        )
      : empty("None kept."),
  );

const errorSample = (sample, nowSeconds) => [
  h("p", null, String(sample.message ?? "")),
  h(
    "p",
    { class: "quiet" },
    when(sample.at, nowSeconds),
    ` · ${sample.region ?? UNKNOWN} · ${sample.function ?? UNKNOWN} · ${sample.route ?? UNKNOWN} · status ${sample.status ?? UNKNOWN} · request `,
    h("code", null, String(sample.request_id ?? UNKNOWN)),
  ),
];
