/** The page: what it knows, when it asks, and what it shows of it. */

import { createApi } from "./api.js";
import * as details from "./details.js";
import { render } from "./dom.js";
import { UNKNOWN, counted, isNumber, span, time } from "./format.js";
import * as incidents from "./incidents.js";
import * as numeric from "./numbers.js";
import * as overview from "./overview.js";
import { createRefresher } from "./schedule.js";
import { nothing, stateIcon } from "./words.js";

/** Errors and dependencies change seldom; each costs a request of its own. */
const SELDOM_MS = 15_000;
const TICK_MS = 1_000;
const OLD_SECONDS = 15;

const at = (id) => document.getElementById(id);
const api = createApi();
const refresher = createRefresher({ run: refresh, changed: show });

let state = blank();
let ticker = null;

/** What the page knows when it knows nothing. */
function blank() {
  return {
    scope: overview.ALL,
    summary: null,
    answeredAt: null,
    errors: null,
    errorsFailure: null,
    health: null,
    healthFailure: null,
    seldomAt: -Infinity,
    failure: null,
    hover: null,
    open: new Set(),
    more: new Set(),
  };
}

// --- asking -----------------------------------------------------------------------------------------------------

async function refresh({ isManual }) {
  const mine = state;
  const isSeldom = isManual || performance.now() - mine.seldomAt >= SELDOM_MS - TICK_MS;
  if (isSeldom) mine.seldomAt = performance.now();
  const [summary] = await Promise.all([
    settled(api.read("summary?scope=all")),
    isSeldom && settled(api.read("errors?scope=all&limit=50")).then((found) => keep(mine, "errors", found)),
    // an unhealthy region says so with status 503 and the same document
    isSeldom && settled(api.read("health", { accepted: [503] })).then((found) => keep(mine, "health", found)),
  ]);
  if (mine !== state) return; // signed out meanwhile
  if (summary.failure) {
    mine.failure = summary.failure;
    if (summary.failure.isOfKey) signOut(summary.failure.message);
    throw summary.failure;
  }
  mine.summary = summary.value;
  mine.answeredAt = { wall: Date.now(), steady: performance.now() };
  mine.failure = null;
  if (!overview.isScope(mine)) mine.scope = overview.ALL;
}

const settled = (promise) =>
  promise.then(
    (value) => ({ value, failure: null }),
    (failure) => ({ value: null, failure }),
  );

/** Keep what was *found*; what came before stays, and the page says that it could not be read anew. */
function keep(mine, name, { value, failure }) {
  if (value) mine[name] = value;
  mine[`${name}Failure`] = failure?.message ?? null;
}

/** Seconds since the last answer; both clocks are asked, for one stops in sleep and the other can be set back. */
function secondsSinceAnswer() {
  if (!state.answeredAt) return Infinity;
  const { wall, steady } = state.answeredAt;
  return Math.max(0, Date.now() - wall, performance.now() - steady) / 1000;
}

// --- showing ----------------------------------------------------------------------------------------------------

function show() {
  if (at("board").hidden) return;
  const sinceAnswer = secondsSinceAnswer();
  const nowSeconds = nowOf(state.summary, sinceAnswer);
  const view = { ...state, sinceAnswer };
  const numbers = overview.chosenNumbers(view);
  const { status, sentence } = overview.overall(view);
  const on = incidents.alertsOn(state.summary);

  document.body.classList.toggle("old", state.summary !== null && sinceAnswer > OLD_SECONDS);
  at("refresh").disabled = refresher.isRunning;
  document.title = `${status === "healthy" ? "" : `${sentence} `}${on ? `${counted(on, "alert")} on. ` : ""}Kaizen Edge`;

  render(
    at("overall"),
    stateIcon(status),
    sentence,
    on ? ` ${counted(on, "alert")} ${on === 1 ? "is" : "are"} on.` : "",
  );
  render(at("updated"), updated(sinceAnswer));
  render(at("failure"), failureWords());
  render(
    at("next"),
    state.failure && !refresher.isRunning ? `Next try in ${span(refresher.dueInSeconds)}.` : "",
  );
  render(at("regions"), overview.regionCards(view, nowSeconds));
  for (const place of document.querySelectorAll(".scope")) render(place, overview.scopeWords(view));
  render(at("tiles"), numeric.tiles(numbers));
  render(at("charts"), numeric.charts(numbers, view));
  render(at("alerts"), incidents.alerts(view, nowSeconds));
  render(at("errors"), incidents.errors(view, nowSeconds));
  render(at("routes"), details.routes(numbers, view));
  render(
    at("kinds"),
    details.breakdown("By method", numbers?.by_method, "Method"),
    details.breakdown("By status", numbers?.by_status, "Status"),
  );
  render(
    at("decisions"),
    details.breakdown("Rate limits", numbers?.rate_limit, "Decision"),
    details.breakdown("Authentication", numbers?.auth, "Outcome"),
    details.breakdown("Signatures", numbers?.signatures, "Outcome"),
    details.breakdown("Routing", numbers?.routing, "Method"),
  );
  render(at("dependencies"), details.dependencies(state, nowSeconds));
  render(at("usage"), details.usage(numbers, api.quota, nowSeconds));
  render(at("answered"), overview.answeredBy(state.summary, nowSeconds));
}

/** Now, by the clock of who answered: that of this machine may be wrong. */
const nowOf = (summary, sinceAnswer) =>
  isNumber(summary?.generated_at) ? summary.generated_at + sinceAnswer : Date.now() / 1000;

function updated(sinceAnswer) {
  if (!state.answeredAt) return refresher.isRunning ? "Asking" : nothing();
  return `Updated ${span(sinceAnswer)} ago`;
}

/** What is wrong, without seconds that run: this is read aloud when it changes. */
function failureWords() {
  if (!state.failure) return "";
  const id = state.failure.requestId ? ` Request ${state.failure.requestId}.` : "";
  const old = state.answeredAt
    ? `What is shown is from ${time(state.answeredAt.wall / 1000)}.`
    : `Everything is ${UNKNOWN}.`;
  return `${state.failure.message}${id} ${old}`;
}

function tick() {
  clearInterval(ticker);
  ticker = at("board").hidden || document.hidden ? null : setInterval(show, TICK_MS);
  show();
}

// --- signing in and out -----------------------------------------------------------------------------------------

function signIn(event) {
  event.preventDefault();
  const field = at("key");
  const isKey = api.signIn(field.value);
  field.value = "";
  render(
    at("refused"),
    isKey ? "" : "This is not an API key: it has no characters, or some that no key has.",
  );
  if (!isKey) {
    field.focus();
    return;
  }
  at("signin").hidden = true;
  at("board").hidden = false;
  at("controls").hidden = false;
  at("overall").focus({ preventScroll: true });
  refresher.start();
  tick();
}

function signOut(message) {
  refresher.stop();
  api.signOut();
  state = blank();
  show();
  at("board").hidden = true;
  at("controls").hidden = true;
  at("signin").hidden = false;
  tick();
  document.title = "Kaizen Edge";
  render(at("refused"), message);
  at("key").focus();
}

// --- what people do ---------------------------------------------------------------------------------------------

function choose({ target }) {
  if (target.name !== "scope") return;
  state.scope = target.value;
  show();
}

function press({ target }) {
  const id = target.closest("[data-more]")?.dataset.more;
  if (!id) return;
  if (!state.more.delete(id)) state.more.add(id);
  show();
}

function unfold({ target }) {
  const id = target.dataset?.open;
  if (!id) return;
  if (target.open) state.open.add(id);
  else state.open.delete(id);
  show();
}

function point({ target }) {
  const { chart, index } = target.dataset ?? {};
  const hover = chart ? { id: chart, index: Number(index) } : null;
  if (hover === state.hover) return;
  state.hover = hover;
  show();
}

at("form").addEventListener("submit", signIn);
at("refresh").addEventListener("click", () => refresher.now());
at("signout").addEventListener("click", () => signOut(""));
document.addEventListener("change", choose);
document.addEventListener("click", press);
document.addEventListener("toggle", unfold, true);
document.addEventListener("pointerover", point);
document.addEventListener("visibilitychange", tick);
at("starting").hidden = true;
at("signin").hidden = false;
at("key").focus();
