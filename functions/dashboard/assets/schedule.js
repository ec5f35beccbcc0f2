/**
 * When to refresh: every five seconds while somebody can see the page, at once when asked, ever more seldom while it
 * fails. One refresh runs at a time.
 */

export const EVERY_MS = 5_000;
export const MOST_MS = 60_000;
const LONGEST_RETRY_AFTER_SECONDS = 3_600;
const LEAST_PAUSE_MS = 1_000;

/** How long to wait after *failures* in a row: doubles up to a minute; the upper half is left to chance. */
export function backoffMs(failures, random) {
  const whole = Math.min(MOST_MS, EVERY_MS * 2 ** failures);
  return whole / 2 + (random() * whole) / 2;
}

/**
 * Return a refresher that is stopped.
 *
 * @param {object} parts `run({isManual})` refreshes and throws if it could not (`retryAfterSeconds` of what it throws
 *   is kept); `changed()` is told when the state changes; `random()` is 0 to 1.
 */
export function createRefresher({ run, changed, random = Math.random }) {
  let timer = null;
  let round = 0; // of starts and stops: what an earlier one began is not heard any more
  let isRunning = false;
  let isStarted = false;
  let failures = 0;
  let dueAt = 0;

  function plan() {
    clearTimeout(timer);
    if (!isStarted || document.hidden) return;
    timer = setTimeout(attempt, Math.max(0, dueAt - performance.now()));
  }

  async function attempt({ isManual = false } = {}) {
    if (!isStarted || isRunning) return;
    const mine = round;
    const startedAt = performance.now();
    clearTimeout(timer);
    isRunning = true;
    changed();
    let due;
    try {
      await run({ isManual });
      due = Math.max(startedAt + EVERY_MS, performance.now() + LEAST_PAUSE_MS);
      if (mine === round) failures = 0;
    } catch (error) {
      if (mine === round) failures += 1;
      const asked = Math.min(error.retryAfterSeconds ?? 0, LONGEST_RETRY_AFTER_SECONDS) * 1000;
      due = performance.now() + Math.max(backoffMs(failures, random), asked);
    }
    if (mine !== round) return;
    isRunning = false;
    dueAt = due;
    plan();
    changed();
  }

  document.addEventListener("visibilitychange", plan);

  return {
    start() {
      round += 1;
      isStarted = true;
      isRunning = false;
      failures = 0;
      dueAt = 0;
      attempt({ isManual: true });
    },
    stop() {
      round += 1;
      isStarted = false;
      isRunning = false;
      clearTimeout(timer);
    },
    /** Refresh at once, whatever is planned. */
    now() {
      attempt({ isManual: true });
    },
    get isRunning() {
      return isRunning;
    },
    get failures() {
      return failures;
    },
    /** Seconds until the next refresh. */
    get dueInSeconds() {
      return Math.max(0, Math.ceil((dueAt - performance.now()) / 1000));
    },
  };
}
