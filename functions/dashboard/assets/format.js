/** Numbers, times and words as people read them. What is not known is never a zero. */

export const UNKNOWN = "unknown";

const LATEST_DATE_MS = 8.64e15;

export const isNumber = Number.isFinite;

/** Numbers that no service counts to are not written out. */
const LONGEST = 1e15;

const decimals = (value, digits) =>
  Math.abs(value) < LONGEST
    ? value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })
    : value.toExponential(1);

/** A whole number, in full: `1,038,221`. */
export const count = (value) => (isNumber(value) ? decimals(value, 0) : UNKNOWN);

/** What happens per second: three digits that count, and never a zero for what is more. */
export function rate(value) {
  if (!isNumber(value)) return UNKNOWN;
  if (value === 0) return "0";
  if (value < 0.01) return "<0.01";
  return decimals(value, value < 10 ? 2 : value < 100 ? 1 : 0);
}

/** A duration in milliseconds, in seconds from a thousand on. */
export function milliseconds(value) {
  if (!isNumber(value)) return UNKNOWN;
  if (value > 0 && value < 0.1) return "<0.1 ms";
  if (value >= 1000) return `${decimals(value / 1000, value < 10_000 ? 2 : 1)} s`;
  return `${decimals(value, value !== 0 && value < 10 ? 1 : 0)} ms`;
}

/** A share of 1. Only nothing is 0 %, and only all is 100 %. */
export function percent(share) {
  if (!isNumber(share)) return UNKNOWN;
  const value = share * 100;
  if (value === 0 || value === 100) return `${value} %`;
  if (value < 0.01) return "<0.01 %";
  if (value > 99.99 && value < 100) return ">99.99 %";
  return `${decimals(value, value < 1 || value > 99 ? 2 : 1)} %`;
}

/** A time span, in its two largest units at most. */
export function span(seconds) {
  if (!isNumber(seconds)) return UNKNOWN;
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${count(Math.floor(hours / 24))} d`;
}

const isMoment = (seconds) => isNumber(seconds) && Math.abs(seconds * 1000) <= LATEST_DATE_MS;

const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Local time of day, to the second. */
export const time = (seconds) => (isMoment(seconds) ? TIME.format(seconds * 1000) : UNKNOWN);

/** Local time of day, to the minute. */
export const minute = (seconds) => (isMoment(seconds) ? MINUTE.format(seconds * 1000) : UNKNOWN);

/** Local date and time of day; the date only where it is not that of *nowSeconds*. */
export function moment(seconds, nowSeconds) {
  if (!isMoment(seconds)) return UNKNOWN;
  const day = DAY.format(seconds * 1000);
  return day === DAY.format(nowSeconds * 1000) ? minute(seconds) : `${day}, ${minute(seconds)}`;
}

/** The moment as UTC, for titles. */
export const utc = (seconds) =>
  isMoment(seconds)
    ? `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`
    : UNKNOWN;

/** The moment as `datetime` has it. */
export const iso = (seconds) => (isMoment(seconds) ? new Date(seconds * 1000).toISOString() : null);

/** `3 requests`, `1 request`. */
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** `a_name` as words. */
export const words = (name) => String(name).replaceAll("_", " ");

/** `a, b and c`. */
export const listed = (names) => new Intl.ListFormat("en-GB").format(names.map(String));
