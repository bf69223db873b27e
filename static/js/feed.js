// The pill in the header: is market data arriving, and how old is the newest; the REPLAY banner.
import { age } from "./format.js";
import { on, onState } from "./live.js";

const STALE_MS = 3000;
const WORDS = { live: "Live", replay: "Replay", stale: "Stale", connecting: "Connecting", down: "No live source", offline: "Page offline" };

const sources = new Map();
let newestAt = null;
let isConnected = false;
let isReplay = false;

export function startFeed() {
  const pill = document.getElementById("feed");
  const banner = document.getElementById("replay-banner");
  if (!pill) return;
  isReplay = !banner.hidden;
  const first = pill.dataset.state;
  on("market_data", (message) => {
    newestAt = message.heardAt;
    if (message.source?.startsWith("replay:")) {
      isReplay = true;
      banner.hidden = false;
    }
  });
  on("source", (message) => sources.set(message.data.source ?? message.data.name, message.data.state));
  onState((state) => {
    isConnected = state === "open";
    paint(pill, first);
  });
  setInterval(() => paint(pill, first), 1000);
}

function paint(pill, first) {
  const state = stateNow(first);
  if (pill.dataset.state !== state) pill.dataset.state = state;
  setText(pill, "state", WORDS[state]);
  setText(pill, "age", newestAt === null ? "" : age(performance.now() - newestAt));
}

function setText(pill, part, text) {
  const element = pill.querySelector(`[data-part="${part}"]`);
  if (element.textContent !== text) element.textContent = text;
}

function stateNow(first) {
  if (!isConnected && performance.now() > STALE_MS) return "offline";
  const isFresh = newestAt !== null && performance.now() - newestAt < STALE_MS;
  if (isFresh) return isReplay ? "replay" : "live";
  const streams = [...sources].filter(([name]) => name.endsWith(":stream")).map(streamState);
  const known = streams.length > 0 ? streams : [first];
  if (known.includes("live")) return newestAt === null ? (isReplay ? "replay" : "live") : "stale";
  return known.find((state) => state in WORDS) ?? "down";
}

/** A stream cannot begin while the REST side of its venue does not answer. */
function streamState([name, state]) {
  const rest = sources.get(name.replace(/stream$/, "rest"));
  return state === "connecting" && ["down", "blocked"].includes(rest) ? "down" : state;
}
