/**
 * Charts in SVG. Shapes only: every word is HTML beside them, so that text keeps its size at any width. A chart is
 * hidden from screen readers; the table under it says the same.
 */

import { h } from "./dom.js";
import { UNKNOWN, isNumber, minute } from "./format.js";

const TALL = 100;
const LEAST_BAR = 1.5;
const GAP = 0.22;

/** The next round number, for the top of an axis. */
export function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return (
    [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value) ?? value
  );
}

/** A bar that fills *share* of its width. */
export function shareBar(share, tone = "") {
  const width = isNumber(share) ? Math.max(0, Math.min(1, share)) * 100 : 0;
  return h(
    "svg",
    { class: `share ${tone}`, viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
    h("rect", { class: "track", width: 100, height: 6 }),
    h("rect", { class: "fill", width: width.toFixed(2), height: 6 }),
  );
}

/** Small bars without axes, for a trend beside words. */
export function sparkBars(values) {
  const known = values.filter(isNumber);
  const most = Math.max(1, ...known);
  return h(
    "svg",
    {
      class: "spark",
      viewBox: `0 0 ${values.length || 1} ${TALL}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    values.map((value, index) => bar(index, value, most, "bar")),
  );
}

/**
 * A chart over time.
 *
 * @param {object} chart `id`; `title`; `points` of `at` (epoch seconds) or null if unknown; `layers` of
 *   `{name, kind: "bars"|"line", tone, value(point), text(value)}`; `axis(value)` labels the top; `step` in words of
 *   one point; `note` under the title.
 * @param {object} ui `hover` (`{id, index}` or null) and `open`, ids of tables that are shown.
 */
export function timeChart({ id, title, points, layers, axis, step, note }, { hover, open }) {
  const known = points ?? [];
  const values = known.flatMap((point) => layers.map((layer) => layer.value(point)).filter(isNumber));
  const most = ceiling(Math.max(0, ...values));
  const hovered = hover?.id === id ? known[hover.index] : undefined;
  return h(
    "figure",
    { class: "chart panel", key: id },
    h(
      "figcaption",
      null,
      h("h3", null, title),
      h("p", { class: "readout" }, hovered ? describe(hovered, layers) : note),
    ),
    points === null
      ? h("p", { class: "plot nothing" }, UNKNOWN)
      : [plot(id, known, layers, most, axis), h("div", { class: "ticks" }, ticks(known))],
    points === null ? null : table(id, title, known, layers, step, open),
  );
}

function plot(id, points, layers, most, axis) {
  const view = {
    viewBox: `0 0 ${points.length || 1} ${TALL}`,
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  };
  return h(
    "div",
    { class: "plot" },
    h("span", { class: "axis" }, axis(most)),
    h(
      "svg",
      view,
      h("path", { class: "grid", d: `M0 .5H${points.length}M0 50H${points.length}M0 99.5H${points.length}` }),
      layers.map((layer) =>
        layer.kind === "bars"
          ? points.map((point, index) => bar(index, layer.value(point), most, `bar ${layer.tone}`))
          : h("path", { class: `curve ${layer.tone}`, d: lineOf(points.map(layer.value), most) }),
      ),
      points.map((_, index) =>
        h("rect", { class: "hit", x: index, width: 1, height: TALL, "data-chart": id, "data-index": index }),
      ),
    ),
  );
}

function bar(index, value, most, tone) {
  const height = isNumber(value) && value > 0 ? Math.max(LEAST_BAR, (value / most) * TALL) : 0;
  const shape = { class: tone, x: index + GAP / 2, width: 1 - GAP, y: (TALL - height).toFixed(2) };
  return h("rect", { ...shape, height: height.toFixed(2) });
}

/** A path through the values that are known: a gap stays a gap, a value alone is a dot. */
function lineOf(values, most) {
  return values
    .map((value, index) => {
      if (!isNumber(value)) return "";
      const place = `${index + 0.5} ${(TALL - (value / most) * (TALL - 2) - 1).toFixed(2)}`;
      const isFirst = !isNumber(values[index - 1]);
      return isFirst ? `M${place}${isNumber(values[index + 1]) ? "" : "h.001"}` : `L${place}`;
    })
    .join("");
}

function ticks(points) {
  const places = [0, Math.floor(points.length / 3), Math.floor((points.length * 2) / 3), points.length - 1];
  return points.length < places.length
    ? []
    : places.map((place) => h("span", null, minute(points[place].at)));
}

const describe = (point, layers) =>
  `${minute(point.at)}: ${layers.map((layer) => `${layer.text(layer.value(point))} ${layer.name}`).join(", ")}`;

function table(id, title, points, layers, step, open) {
  const rows = open.has(id) ? [...points].reverse() : [];
  return h(
    "details",
    { "data-open": id },
    h("summary", null, "As a table", h("span", { class: "hidden" }, `: ${title}`)),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": `${title}, as a table` },
      h(
        "table",
        null,
        h(
          "thead",
          null,
          h(
            "tr",
            null,
            [step, ...layers.map((layer) => layer.name)].map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        h(
          "tbody",
          null,
          rows.map((point) =>
            h(
              "tr",
              null,
              h("th", { scope: "row" }, minute(point.at)),
              layers.map((layer) => h("td", null, layer.text(layer.value(point)))),
            ),
          ),
        ),
      ),
    ),
  );
}
