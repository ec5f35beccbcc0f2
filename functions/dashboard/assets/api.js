/**
 * Asks the API of this origin. The key lives in one variable of a closure: it is in no storage, no URL and no document,
 * and is gone with the page.
 */

const ROOT = new URL("../../api/monitoring/", import.meta.url);
const TIMEOUT_MS = 10_000;
const KEY = /^[\x21-\x7e]{1,256}$/;

const WORDS = new Map([
  [401, "This API key is not accepted: it is unknown, expired or revoked."],
  [403, "This API key may not read monitoring data: it lacks the scope monitoring:read."],
  [404, "This deployment does not have this part of the API."],
  [429, "This API key is over its limit."],
  [502, "The gateway got no answer from the service (502)."],
  [503, "The service, or something that it needs, is not available (503)."],
  [504, "The service took too long (504)."],
]);

/** Why there is no answer, in words for people. */
export class Refusal extends Error {
  /**
   * @param {string} message what happened.
   * @param {object} found `status` (0 where nothing answered), `retryAfterSeconds` and `requestId` or null.
   */
  constructor(message, { status = 0, retryAfterSeconds = null, requestId = null } = {}) {
    super(message);
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
    this.requestId = requestId;
  }

  /** Whether the key is to blame: another try with it is in vain. */
  get isOfKey() {
    return this.status === 401 || this.status === 403;
  }
}

/** Return the API, with nobody signed in. */
export function createApi() {
  let key = null;
  let quota = null;

  /** Return the JSON of *path*; *accepted* statuses beside 200 carry a document as well. Throws {@link Refusal}. */
  async function read(path, { accepted = [] } = {}) {
    const answer = await ask(path);
    quota = quotaOf(answer.headers) ?? quota;
    const isDocument = answer.headers.get("content-type")?.startsWith("application/json");
    if (!(answer.status === 200 || (accepted.includes(answer.status) && isDocument))) throw refusalOf(answer);
    try {
      const document = await answer.json();
      if (document !== null && typeof document === "object") return document;
    } catch {
      // cut off, or no JSON: the same to whoever waits for numbers
    }
    throw new Refusal("The answer could not be read.", { status: answer.status });
  }

  async function ask(path) {
    try {
      return await fetch(new URL(path, ROOT), {
        headers: { accept: "application/json", "x-api-key": key },
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      const isSlow = error.name === "TimeoutError";
      throw new Refusal(isSlow ? "The API did not answer within 10 seconds." : "The API cannot be reached.");
    }
  }

  return {
    read,
    /** Take *text* as the key; returns whether it can be one. */
    signIn(text) {
      const trimmed = text.trim();
      if (!KEY.test(trimmed)) return false;
      key = trimmed;
      return true;
    },
    /** Forget the key. */
    signOut() {
      key = null;
      quota = null;
    },
    /** What the last answer said of the key's limit, or null: `{limit, remaining, resetAt}`. */
    get quota() {
      return quota;
    },
  };
}

function quotaOf(headers) {
  const limit = numberOf(headers, "x-ratelimit-limit");
  const remaining = numberOf(headers, "x-ratelimit-remaining");
  return limit === null || remaining === null
    ? null
    : { limit, remaining, resetAt: numberOf(headers, "x-ratelimit-reset") };
}

function refusalOf(answer) {
  const { status, headers } = answer;
  const message =
    WORDS.get(status) ?? (status >= 500 ? `The service failed (${status}).` : `The API answered ${status}.`);
  const retryAfterSeconds = numberOf(headers, "retry-after");
  return new Refusal(message, { status, retryAfterSeconds, requestId: headers.get("x-request-id") });
}

function numberOf(headers, name) {
  const text = headers.get(name);
  return text !== null && /^\d{1,12}$/.test(text) ? Number(text) : null;
}
