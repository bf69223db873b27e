// One WebSocket for the page: subscribes what the page names, reconnects, hands messages on.
//
// Messages are {"type", "data", "timestamp", "source", "is_live", "as_of"}. Frequent kinds go to
// listeners once a display frame, the newest only; rare kinds become the DOM event `mystic:<type>`.

const FREQUENT = new Set(["market_data", "bar", "book", "position_pnl", "equity", "source"]);
const RATE_HZ = 20;
const PING_MS = 20000;
const SILENCE_MS = 50000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20000;
const STEADY_MS = 5000;
const SIGNED_OUT = 4401;

// What the server says about the connection itself.
const CONTROL = {
  batch: (message) => message.data.forEach(accept),
  heartbeat: () => send("pong", {}),
  resync: () => dispatch("reconnected", {}),
  error: (message) => console.warn("Mystic refused a message:", message.data),
};
const IS_OF_NOW = new Set(["welcome", "subscribed", "unsubscribed", "pong", "heartbeat"]);

const listeners = new Map();
const stateListeners = new Set();
const wanted = new Map();
const pending = new Map();

let socket = null;
let attempts = 0;
let isFirstOpen = true;
let isFlushPlanned = false;
let heardAt = 0;
let openedAt = Infinity;

/** Call `listener(message)` with every message of a frequent type, at most once a display frame. */
export function on(type, listener) {
  if (!listeners.has(type)) listeners.set(type, new Set());
  listeners.get(type).add(listener);
}

/** Call `listener("connecting" | "open" | "closed")` when the connection changes. */
export function onState(listener) {
  stateListeners.add(listener);
}

/** Ask for a channel, with a symbol where it has one; asked again after every reconnection. */
export function subscribe(channel, symbol = "") {
  const key = `${channel} ${symbol}`;
  if (wanted.has(key)) return;
  const data = symbol ? { channel, symbol, hz: RATE_HZ } : { channel };
  wanted.set(key, data);
  if (socket?.readyState === WebSocket.OPEN) send("subscribe", data);
}

/** What a message is about: `quote:BTC/USDT`, `position:7`, `source:binance:stream`. */
export function subjectOf(message) {
  const data = message.data ?? {};
  switch (message.type) {
    case "market_data": return `quote:${data.symbol}`;
    case "bar": return `bar:${data.symbol}`;
    case "book": return `book:${data.symbol}`;
    case "position_pnl": return `position:${data.position_id ?? data.id}`;
    case "equity": return `equity:${data.account_id ?? data.id}`;
    case "source": return `source:${data.source ?? data.name}`;
    default: return message.type;
  }
}

/** Subscribe what the elements below `root` name. */
export function subscribePage(root = document) {
  for (const element of root.querySelectorAll("[data-symbol]")) {
    const channels = (element.dataset.channels ?? "market_data").split(" ");
    for (const channel of channels.filter(Boolean)) subscribe(channel, element.dataset.symbol);
  }
  for (const element of root.querySelectorAll("[data-live-channels]")) {
    for (const channel of element.dataset.liveChannels.split(/\s+/).filter(Boolean)) subscribe(channel);
  }
}

export function startLive() {
  subscribePage();
  document.body.addEventListener("htmx:load", (event) => {
    if (event.detail.elt.parentElement) subscribePage(event.detail.elt.parentElement);
  });
  setInterval(keepAlive, 5000);
  globalThis.addEventListener("online", () => socket === null && connect());
  connect();
}

function connect() {
  const address = new URL(document.body.dataset.liveUrl, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  tellState("connecting");
  socket = new WebSocket(address);
  socket.addEventListener("open", opened);
  socket.addEventListener("message", received);
  socket.addEventListener("close", closed);
}

function opened() {
  openedAt = performance.now();
  heardAt = performance.now();
  tellState("open");
  for (const data of wanted.values()) send("subscribe", data);
  if (!isFirstOpen) dispatch("reconnected", {});
  isFirstOpen = false;
}

function closed(event) {
  socket = null;
  // Only a connection that lasted proves that the next attempt may be quick.
  if (performance.now() - openedAt > STEADY_MS) attempts = 0;
  tellState("closed");
  if (event.code === SIGNED_OUT && document.body.dataset.user) {
    dispatch("signed-out", {});
    return;
  }
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempts);
  attempts += 1;
  setTimeout(() => socket ?? connect(), ceiling * (0.5 + Math.random() / 2));
}

function received(event) {
  heardAt = performance.now();
  let message;
  try {
    message = JSON.parse(event.data);
  } catch {
    return;
  }
  learnClock(message);
  accept(message);
}

function accept(message) {
  if (CONTROL[message.type]) {
    CONTROL[message.type](message);
    return;
  }
  if (message.type === "heartbeat") send("pong", {});
  if (!FREQUENT.has(message.type)) {
    dispatch(message.type, message);
    return;
  }
  message.heardAt = heardAt - ageAtArrival(message);
  pending.set(subjectOf(message), message);
  if (isFlushPlanned) return;
  isFlushPlanned = true;
  requestAnimationFrame(flush);
}

function flush() {
  isFlushPlanned = false;
  const messages = [...pending.values()];
  pending.clear();
  for (const message of messages) {
    for (const listener of listeners.get(message.type) ?? []) listener(message);
  }
}

function dispatch(type, detail) {
  document.body.dispatchEvent(new CustomEvent(`mystic:${type}`, { detail }));
}

function tellState(state) {
  for (const listener of stateListeners) listener(state);
}

function send(type, data) {
  socket.send(JSON.stringify({ type, data }));
}

// A snapshot is older than its arrival: its age is counted from the server's own clock, whose
// distance from ours is learnt from messages that are made when they are sent.
let clockOffset = null;

function learnClock(message) {
  const at = Date.parse(message.timestamp);
  if (Number.isNaN(at)) return;
  const offset = Date.now() - at;
  if (IS_OF_NOW.has(message.type) || clockOffset === null || offset < clockOffset) clockOffset = offset;
}

function ageAtArrival(message) {
  const data = message.data ?? {};
  // What came late, or stands since its market closed, is as old as its source says.
  const told = data.delayed || data.closed_until ? message.as_of ?? data.as_of : null;
  const at = Date.parse(told ?? message.received_at ?? data.received_at ?? message.timestamp);
  return Number.isNaN(at) ? 0 : Math.max(0, Date.now() - clockOffset - at);
}

let pingedAt = 0;

function keepAlive() {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const now = performance.now();
  if (now - heardAt > SILENCE_MS) {
    socket.close();
  } else if (now - pingedAt > PING_MS) {
    pingedAt = now;
    send("ping", {});
  }
}
