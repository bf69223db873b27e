// Ties live messages to elements by their attributes; the conventions stand in docs/pages.md.
import { age, clock, percent, price, signed, toNumber } from "./format.js";
import { on, subjectOf } from "./live.js";

const STALE_MS = 3000;
const SLOW_STALE_MS = 15000;
const BOUND = ["market_data", "bar", "book", "position_pnl", "equity", "source"];
const STATE_WORDS = {
  live: "live",
  stale: "stale: nothing newer has arrived",
  replay: "replay: recorded, not happening now",
  delayed: "delayed by its source",
  imputed: "estimated, never traded on",
  stored: "stored, not live",
  closed: "closed",
};

const elements = new Map(); // subject -> Set of elements
const newest = new Map(); // subject -> newest message
const rendered = performance.now();

export function startBinding() {
  scan(document);
  document.body.addEventListener("htmx:load", (event) => scan(event.detail.elt.parentElement ?? document));
  for (const type of BOUND) on(type, apply);
  setInterval(showAges, 1000);
}

/** The newest message about a subject that this page has seen, if any. */
export function latest(subject) {
  return newest.get(subject);
}

function scan(root) {
  for (const element of root.querySelectorAll("[data-live], [data-prov], [data-age]")) {
    const subject = element.dataset.live ?? element.dataset.prov ?? element.dataset.age;
    if (!elements.has(subject)) elements.set(subject, new Set());
    const bound = elements.get(subject);
    if (bound.has(element)) continue;
    bound.add(element);
    if (element.dataset.ageMs) element.mysticSeenAt = performance.now() - Number(element.dataset.ageMs);
    const message = newest.get(subject);
    if (message) show(element, message);
  }
}

function apply(message) {
  const subject = subjectOf(message);
  newest.set(subject, message);
  for (const element of elements.get(subject) ?? []) {
    if (element.isConnected) show(element, message);
    else elements.get(subject).delete(element);
  }
}

function show(element, message) {
  element.mysticSeenAt = message.heardAt;
  if (element.dataset.prov !== undefined) showProvenance(element, message);
  else if (element.dataset.live !== undefined) showValue(element, message);
}

function fieldOf(message, field) {
  const data = message.data;
  if (field === "spread" && data.spread === undefined) return spreadOf(data);
  if (field === "price") return data.last ?? data.mid;
  return field.split(".").reduce((value, name) => value?.[name], data);
}

function spreadOf(data) {
  const bid = toNumber(data.bid);
  const ask = toNumber(data.ask);
  return bid === null || ask === null ? null : ask - bid;
}

function showValue(element, message) {
  const { field, format = "price", places, flash } = element.dataset;
  const value = fieldOf(message, field);
  if (value === undefined) return;
  const digits = places === undefined ? null : Number(places);
  const { text, tone } = format === "change" ? changeOf(value, element, message.data.change_24h) : shown(value, format, digits);
  element.classList.remove("is-stale");
  if (element.textContent !== text) {
    if (flash !== undefined) tick(element, value);
    element.textContent = text;
  }
  if (tone !== null) {
    element.classList.remove("up", "down", "flat");
    if (tone) element.classList.add(tone);
  }
  if (element.tagName === "DATA") element.value = value ?? "";
  if (element.dataset.stateAttribute !== undefined) element.dataset.state = value;
}

/** How far a value stands from a reference; what the source says of 24 hours wins. */
function changeOf(value, element, told) {
  const now = toNumber(value);
  const reference = toNumber(element.dataset.reference);
  const fraction = toNumber(told) ?? (now === null || !reference ? null : now / reference - 1);
  if (fraction === null) return { text: "—", tone: "" };
  const { text, tone } = signed(fraction * 100, 2);
  return { text: `${text} %`, tone };
}

function shown(value, format, digits) {
  switch (format) {
    case "signed": return signed(value, digits ?? 2);
    case "percent": return { text: percent(value, digits ?? 2), tone: null };
    case "text": return { text: value === null ? "—" : String(value), tone: null };
    case "time": return { text: clock(value), tone: null };
    case "age": return { text: age(toNumber(value)), tone: null };
    default: return { text: price(value, digits), tone: null };
  }
}

function tick(element, value) {
  const before = toNumber(element.mysticValue);
  const now = toNumber(value);
  element.mysticValue = value;
  if (before === null || now === null || before === now) return;
  element.classList.remove("ticked-up", "ticked-down");
  void element.offsetWidth; // restarts the animation
  element.classList.add(now > before ? "ticked-up" : "ticked-down");
}

function stateOf(message) {
  const { data = {} } = message;
  if (message.source?.startsWith("replay:")) return "replay";
  if (message.closed_until ?? data.closed_until) return "closed";
  for (const mark of ["imputed", "delayed", "stale"]) if (message[mark] ?? data[mark]) return mark;
  return message.is_live ? "live" : "stale";
}

function showProvenance(element, message) {
  const state = stateOf(message);
  if (element.dataset.state !== state) element.dataset.state = state;
  element.mysticState = state;
  if (!element.open) {
    element.mysticMessage = message;
    element.ontoggle ??= () => element.open && fillCard(element);
    return;
  }
  element.mysticMessage = message;
  fillCard(element);
}

function fillCard(element) {
  const message = element.mysticMessage;
  const parts = {
    source: message.source,
    state: closedUntil(message) ?? STATE_WORDS[element.dataset.state] ?? element.dataset.state,
    as_of: message.as_of ? clock(message.as_of) : "not given by the source",
    received_at: clock(message.received_at ?? message.data?.received_at ?? message.timestamp),
  };
  for (const [name, text] of Object.entries(parts)) {
    const part = element.querySelector(`[data-part="${name}"]`);
    if (part && text) part.textContent = text;
  }
}

/** When a closed market opens, in words. */
function closedUntil(message) {
  const until = message.closed_until ?? message.data?.closed_until;
  if (!until || message.source?.startsWith("replay:")) return null;
  const day = new Date(until).toLocaleDateString("en-GB", { weekday: "short", timeZone: "UTC" });
  return `closed until ${day} ${until.slice(11, 16)} UTC`;
}

function showAges() {
  const now = performance.now();
  for (const [subject, bound] of elements) {
    const limit = subject.startsWith("source:") ? SLOW_STALE_MS : STALE_MS;
    for (const element of bound) {
      if (!element.isConnected) bound.delete(element);
      else if (element.mysticSeenAt !== undefined) showAge(element, now - element.mysticSeenAt, limit);
    }
  }
}

function showAge(element, milliseconds, ownLimit) {
  const isStale = milliseconds > Number(element.dataset.staleMs ?? ownLimit);
  if (element.dataset.prov !== undefined) {
    const part = element.querySelector('[data-part="age"]');
    if (part) part.textContent = age(milliseconds);
    if (isStale && element.dataset.state === "live") element.dataset.state = "stale";
  } else if (element.dataset.age !== undefined) {
    element.textContent = age(milliseconds);
    element.classList.toggle("is-stale", isStale);
  } else {
    element.classList.toggle("is-stale", isStale);
  }
}

/** Milliseconds since this page was made, for parts that count from the server's own figure. */
export function sinceRendered() {
  return performance.now() - rendered;
}
