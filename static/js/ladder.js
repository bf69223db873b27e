// The order book: <div class="ladder" data-ladder="BTC/USDT" data-places="2" data-levels="10">.
// Elements below it with data-metric="micro_price" data-as="price" show what the book says.
import { NOTHING, price, signed, toNumber } from "./format.js";
import { on, subjectOf } from "./live.js";

// Five paintings a second can be read; more only flicker.
const PAINT_EVERY_MS = 200;

const AS = {
  price: (value, places) => ({ text: price(value, places) }),
  bps: (value) => ({ text: toNumber(value) === null ? "" : `${price(value, 3)} bps` }),
  share: (value) => shareOf(value),
  signed: (value) => signed(value, 3),
  since: (value) => ({ text: value ? `since ${value.slice(11, 19)} UTC` : "" }),
  void: (value, places) => ({
    text: value ? `${price(value.distance * 1e4, 2)} bps: ${price(value.near, places)} to ${price(value.far, places)}` : NOTHING,
  }),
};

export function startLadders() {
  on("book", (message) => {
    const subject = subjectOf(message);
    for (const ladder of document.querySelectorAll("[data-ladder]")) {
      if (`book:${ladder.dataset.ladder}` === subject) paintSoon(ladder, message);
    }
  });
}

function paintSoon(ladder, message) {
  ladder.mysticBook = message;
  if (ladder.mysticTimer) return;
  const wait = Math.max(0, (ladder.mysticPaintedAt ?? -Infinity) + PAINT_EVERY_MS - performance.now());
  ladder.mysticTimer = setTimeout(() => {
    ladder.mysticTimer = null;
    ladder.mysticPaintedAt = performance.now();
    paint(ladder, ladder.mysticBook);
  }, wait);
}

function paint(ladder, message) {
  const places = Number(ladder.dataset.places);
  const levels = Number(ladder.dataset.levels ?? 10);
  const metrics = message.data.metrics ?? {};
  const bids = (message.data.bids ?? []).slice(0, levels).map(level);
  const asks = (message.data.asks ?? []).slice(0, levels).map(level);
  const wait = ladder.querySelector('[data-part="wait"]');
  if (wait) wait.hidden = bids.length + asks.length > 0;
  const deepest = Math.max(depthOf(bids), depthOf(asks)) || 1;
  const askRows = { rows: [...asks].reverse(), depths: sums(asks).reverse(), gap: metrics.void_above };
  const bidRows = { rows: bids, depths: sums(bids), gap: metrics.void_below };
  fill(ladder.querySelector('[data-side="ask"]'), askRows, deepest, places);
  fill(ladder.querySelector('[data-side="bid"]'), bidRows, deepest, places);
  const spread = ladder.querySelector('[data-part="spread"]');
  if (spread && bids.length && asks.length) setText(spread, price(asks[0][0] - bids[0][0], places));
  for (const element of ladder.querySelectorAll("[data-metric]")) {
    show(element, AS[element.dataset.as](metrics[element.dataset.metric], places));
  }
}

function show(element, { text, tone }) {
  setText(element, text);
  if (tone === undefined) return;
  for (const name of ["up", "down", "flat"]) element.classList.toggle(name, name === tone);
}

/** A share of -1 to 1 as a percentage with its sign. */
function shareOf(value) {
  const number = toNumber(value);
  if (number === null) return { text: NOTHING, tone: "" };
  const { text, tone } = signed(number * 100, 0);
  return { text: `${text} %`, tone };
}

function level(pair) {
  return [Number(pair[0]), Number(pair[1])];
}

function depthOf(side) {
  return side.reduce((sum, [, quantity]) => sum + quantity, 0);
}

function sums(side) {
  let sum = 0;
  return side.map(([, quantity]) => (sum += quantity));
}

function fill(tbody, { rows, depths, gap }, deepest, places) {
  while (tbody.rows.length < rows.length) tbody.append(makeRow());
  while (tbody.rows.length > rows.length) tbody.lastElementChild.remove();
  rows.forEach(([at, quantity], index) => {
    const row = tbody.rows[index];
    setText(row.cells[0], price(at, places));
    setText(row.cells[1], price(quantity, 5));
    setText(row.cells[2], price(depths[index], 5));
    row.style.setProperty("--depth", `${((depths[index] / deepest) * 100).toFixed(1)}%`);
    const isVoid = Boolean(gap) && Number(gap.near) === at;
    if (row.classList.contains("ladder-void") !== isVoid) row.classList.toggle("ladder-void", isVoid);
    const title = isVoid ? `No order from ${price(gap.near, places)} to ${price(gap.far, places)}` : "";
    if (row.title !== title) row.title = title;
  });
}

function makeRow() {
  const row = document.createElement("tr");
  for (let index = 0; index < 3; index += 1) {
    const cell = document.createElement("td");
    cell.className = "num";
    row.append(cell);
  }
  return row;
}

function setText(cell, text) {
  if (cell.textContent !== text) cell.textContent = text;
}
