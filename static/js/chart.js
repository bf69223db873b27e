// The chart of one pair: stored bars, the bar that forms, signals, zones, and your own price lines.
import { CandlestickSeries, createChart, createSeriesMarkers, HistogramSeries, LineSeries } from "../vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
import { BarSeries, SECONDS } from "./bars.js";
import { OverlayPrimitive } from "./chart_overlay.js";
import { price } from "./format.js";
import { on } from "./live.js";

const BARS = 600;
const TABLE_ROWS = 20;
const SHOWN_BARS = 140;
const WORDS_BARS = 12;
const PATTERNS_AFTER_MS = 3000;
const LINE_TONES = { entry: "--accent", stop: "--down", take: "--up", limit: "--info" };

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.symbol = figure.dataset.chart;
    this.slug = figure.dataset.slug;
    this.places = Number(figure.dataset.places);
    this.base = figure.dataset.base ?? figure.dataset.timeframe;
    this.timeframe = figure.dataset.timeframe;
    this.layers = { zones: true, structure: true, liquidity: true, signals: true };
    this.patterns = { patterns: [], signals: [] };
    this.lines = [];
    this.bars = new BarSeries(SECONDS[this.timeframe]);
    this.draw();
    this.listen();
    this.load();
  }

  draw() {
    const canvas = this.figure.querySelector('[data-part="canvas"]');
    this.chart = createChart(canvas, { autoSize: true });
    const priceFormat = { type: "price", precision: this.places, minMove: 10 ** -this.places };
    this.candles = this.chart.addSeries(CandlestickSeries, { priceFormat });
    this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    // Estimates are hollow and in a tone of their own; other venues' closes are dotted lines.
    this.estimates = this.chart.addSeries(CandlestickSeries, { priceFormat, lastValueVisible: false, priceLineVisible: false });
    this.others = new Map();
    this.imputed = { estimates: [], others: [] };
    this.markers = createSeriesMarkers(this.candles, []);
    this.overlay = new OverlayPrimitive();
    this.candles.attachPrimitive(this.overlay);
    this.paint();
  }

  paint() {
    const style = getComputedStyle(document.documentElement);
    const tone = (name) => style.getPropertyValue(name).trim();
    this.tones = { up: tone("--up"), down: tone("--down"), text: tone("--text-soft"), line: tone("--line"), info: tone("--info"), warn: tone("--warn") };
    this.tone = tone;
    this.chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: this.tones.text, fontFamily: style.getPropertyValue("--font"), fontSize: 11 },
      grid: { vertLines: { color: this.tones.line }, horzLines: { color: this.tones.line } },
      rightPriceScale: { borderColor: this.tones.line },
      timeScale: { borderColor: this.tones.line, timeVisible: true, secondsVisible: SECONDS[this.timeframe] < 60, rightOffset: 6 },
      crosshair: { mode: 0 },
    });
    const { up, down } = this.tones;
    this.candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderUpColor: up, borderDownColor: down });
    const { warn } = this.tones;
    this.estimates.applyOptions({ upColor: "transparent", downColor: "transparent", wickUpColor: warn, wickDownColor: warn, borderUpColor: warn, borderDownColor: warn });
    this.overlay.tones = this.tones;
    this.showAll();
    this.showLines();
  }

  listen() {
    on("bar", (message) => this.heard(message));
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => this.loadOlder(range));
    const body = document.body;
    body.addEventListener("mystic:bar_closed", (event) => this.heard(event.detail));
    body.addEventListener("mystic:reconnected", () => this.load());
    body.addEventListener("mystic:signal", () => this.loadPatterns());
    body.addEventListener("htmx:afterSettle", () => this.showLines());
    document.addEventListener("mystic:theme-changed", () => this.paint());
    for (const button of document.querySelectorAll("[data-timeframe]")) {
      if (button.tagName === "BUTTON") button.addEventListener("click", () => this.choose(button));
    }
    for (const button of document.querySelectorAll("[data-layer]")) {
      button.addEventListener("click", () => this.toggle(button));
    }
  }

  choose(button) {
    this.timeframe = button.dataset.timeframe;
    for (const other of button.parentElement.children) other.setAttribute("aria-pressed", String(other === button));
    this.load();
  }

  toggle(button) {
    const isShown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isShown));
    this.layers[button.dataset.layer] = isShown;
    this.showPatterns();
  }

  async load() {
    const timeframe = this.timeframe;
    try {
      const { bars, parts, source, imputed } = await this.fetchBars({ timeframe, limit: BARS });
      if (timeframe !== this.timeframe) return;
      this.bars = new BarSeries(SECONDS[timeframe], bars);
      for (const bar of parts) this.bars.add(bar);
      this.imputed = imputed;
      this.isLoaded = true;
      this.hasOlder = bars.length === BARS;
      if (source) this.caption(source);
      this.showAll();
      this.chart.timeScale().applyOptions({ secondsVisible: SECONDS[timeframe] < 60 });
      this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(-2, this.bars.list.length - SHOWN_BARS), to: this.bars.list.length + 6 });
      this.note(this.bars.list.length ? "" : "No bar of this pair is stored yet. The chart begins with the first bar that closes, or when the history has been fetched.");
    } catch (fault) {
      this.note(`The stored bars could not be read: ${fault.message}`);
    }
    await this.loadPatterns();
  }

  async fetchBars(query) {
    const { data, source } = await getJson(`/markets/${this.slug}/bars.json?${new URLSearchParams(query)}`);
    const imputed = { estimates: data.estimates ?? [], others: data.others ?? [] };
    return { bars: data.bars.map(barOf), parts: data.parts.map(barOf), source, imputed };
  }

  /** Fetch older bars once the person scrolls to the left end of those loaded. */
  async loadOlder(range) {
    if (!range || range.from > 20 || !this.hasOlder || this.isFetching) return;
    this.isFetching = true;
    const { timeframe } = this;
    try {
      const { bars, imputed } = await this.fetchBars({ timeframe, limit: BARS, end: this.bars.list[0].time });
      if (timeframe !== this.timeframe) return;
      this.imputed.estimates.unshift(...imputed.estimates);
      this.imputed.others = joinedByName([...imputed.others, ...this.imputed.others]);
      this.hasOlder = bars.length === BARS;
      this.bars.list.unshift(...bars);
      this.showAll();
    } catch {
      this.hasOlder = false;
    } finally {
      this.isFetching = false;
    }
  }

  async loadPatterns() {
    try {
      const answer = await getJson(`/signals/patterns/${this.slug}.json?timeframe=${this.timeframe}`);
      this.patterns = answer.data ?? answer;
    } catch {
      this.patterns = { patterns: [], signals: [] };
    }
    this.showPatterns();
  }

  heard(message) {
    const { data } = message;
    if (data.symbol !== this.symbol || !this.isLoaded) return;
    const bar = this.bars.add(barOf([data.open_time, data.o, data.h, data.l, data.c, data.v]));
    if (!bar) return;
    this.candles.update(bar);
    this.volume.update(this.volumeOf(bar));
    this.note("");
    if (message.type !== "bar_closed") return;
    this.showTable();
    this.patternsSoon();
  }

  /** A closed bar may confirm a pattern; ask once for all that close together. */
  patternsSoon() {
    this.patternTimer ??= setTimeout(() => {
      this.patternTimer = null;
      this.loadPatterns();
    }, PATTERNS_AFTER_MS);
  }

  volumeOf(bar) {
    const tone = bar.close >= bar.open ? this.tones.up : this.tones.down;
    return { time: bar.time, value: bar.volume, color: `${tone}59` };
  }

  showAll() {
    this.candles.setData(this.bars.list);
    this.volume.setData(this.bars.list.map((bar) => this.volumeOf(bar)));
    this.showImputed();
    this.showPatterns();
    this.showTable();
  }

  /** Draw what is no bar of this series, never among its bars. */
  showImputed() {
    this.estimates.setData(this.imputed.estimates.map(({ open_time: time, open, high, low, close }) => ({ time, open, high, low, close })));
    for (const [name, line] of this.others) {
      this.chart.removeSeries(line);
      this.others.delete(name);
    }
    for (const { symbol, source, closes } of this.imputed.others) {
      const title = `${symbol} ${source}`;
      const line = this.chart.addSeries(LineSeries, { color: this.tones.info, lineWidth: 1, lineStyle: 1, title, lastValueVisible: false, priceLineVisible: false });
      line.setData(brokenAtHoles(closes, this.bars.seconds));
      this.others.set(title, line);
    }
  }

  showPatterns() {
    const { layers } = this;
    this.overlay.show({ patterns: this.patterns.patterns ?? [], layers, last: this.bars.list.at(-1)?.close ?? 0 });
    const signals = layers.signals ? (this.patterns.signals ?? []) : [];
    const markers = signals.map((one) => this.markerOf(one)).filter(Boolean).sort((a, b) => a.time - b.time);
    this.markers.setMarkers(this.withRoom(markers));
  }

  markerOf(signal) {
    const time = this.bars.bucketOf(signal.bar_close - 1);
    if (!this.bars.has(time)) return null;
    const isBuy = signal.side === "BUY";
    return { time, position: isBuy ? "belowBar" : "aboveBar", shape: isBuy ? "arrowUp" : "arrowDown", color: isBuy ? this.tones.up : this.tones.down, text: `${isBuy ? "Buy" : "Sell"} ${Math.round(signal.confidence * 100)} %` };
  }

  /** Keep the words of a marker only where they do not lie on those of the one before. */
  withRoom(markers) {
    const lastTold = new Map();
    return markers.map((marker) => {
      const before = lastTold.get(marker.position) ?? -Infinity;
      if (marker.time - before < WORDS_BARS * this.bars.seconds) return { ...marker, text: "" };
      lastTold.set(marker.position, marker.time);
      return marker;
    });
  }

  showLines() {
    for (const line of this.lines) this.candles.removePriceLine(line);
    this.lines = [...document.querySelectorAll("[data-price-line]")].filter((element) => Number(element.dataset.priceLine) > 0).map((element) => {
      const { priceLine, lineKind, lineLabel } = element.dataset;
      return this.candles.createPriceLine({ price: Number(priceLine), color: this.tone(LINE_TONES[lineKind] ?? "--info"), lineWidth: 1, lineStyle: lineKind === "entry" ? 0 : 2, axisLabelVisible: true, title: lineLabel ?? "" });
    });
  }

  showTable() {
    const rows = document.getElementById("chart-rows");
    rows.replaceChildren(...this.bars.list.slice(-TABLE_ROWS).reverse().map((bar) => this.rowOf(bar)));
  }

  rowOf(bar) {
    const row = document.createElement("tr");
    const opened = new Date(bar.time * 1000).toISOString().slice(0, 19).replace("T", " ");
    const cells = [opened, ...[bar.open, bar.high, bar.low, bar.close].map((value) => price(value, this.places)), price(bar.volume, 3)];
    cells.forEach((text, index) => {
      const cell = document.createElement(index ? "td" : "th");
      if (index) cell.className = "num";
      else cell.scope = "row";
      cell.textContent = text;
      row.append(cell);
    });
    return row;
  }

  note(text) {
    const note = this.figure.querySelector('[data-part="note"]');
    note.textContent = text;
    note.hidden = !text;
  }

  caption(source) {
    const { estimates, others } = this.imputed;
    const drawn = estimates.length ? ` Hollow candles are estimates (${estimates[0].method}), not bars.` : "";
    const lent = others.length ? ` Dotted: closes of ${others.map((one) => `${one.symbol} from ${one.source}`).join(", ")} where there is no bar.` : "";
    document.getElementById("chart-caption").textContent = `Bars from ${source}, in UTC.${drawn}${lent}`;
  }
}

/** Points of a line that ends where closes do not follow each other. */
function brokenAtHoles(closes, seconds) {
  return closes.flatMap(([time, value], index) => {
    const next = closes[index + 1];
    const isEnd = next && next[0] > time + seconds;
    return isEnd ? [{ time, value }, { time: time + seconds }] : [{ time, value }];
  });
}

/** One list of closes for each other series, oldest first. */
function joinedByName(lists) {
  const found = new Map();
  for (const one of lists) {
    const name = `${one.symbol} ${one.source}`;
    const known = found.get(name);
    found.set(name, known ? { ...known, closes: [...known.closes, ...one.closes] } : one);
  }
  return [...found.values()];
}

function barOf([time, open, high, low, close, volume]) {
  return { time, open, high, low, close, volume };
}

async function getJson(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? problem.title ?? `the server answered ${answer.status}`);
}

for (const figure of document.querySelectorAll("[data-chart]")) new Chart(figure);
