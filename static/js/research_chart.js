// The trades of a backtest on candles: where each went in and out, with the lines of the chosen one.
import { CandlestickSeries, createChart, createSeriesMarkers, LineSeries } from "../vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
import { price } from "./format.js";

const BARS = 1000;
const AROUND = 60;
const EDGE = 30;

class ResearchChart {
  constructor(figure) {
    const { researchChart, slug, places, timeframe, seconds, marks } = figure.dataset;
    Object.assign(this, { figure, symbol: researchChart, slug, timeframe, marksAddress: marks });
    this.places = Number(places);
    this.seconds = Number(seconds);
    this.bars = [];
    this.trades = [];
    this.lines = [];
    this.draw();
    this.listen();
    this.start();
  }

  draw() {
    const canvas = this.figure.querySelector('[data-part="canvas"]');
    const priceFormat = { type: "price", precision: this.places, minMove: 10 ** -this.places };
    this.chart = createChart(canvas, { autoSize: true });
    this.candles = this.chart.addSeries(CandlestickSeries, { priceFormat, lastValueVisible: false, priceLineVisible: false });
    this.path = this.chart.addSeries(LineSeries, { priceFormat, lineWidth: 2, lineStyle: 2, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false });
    this.markers = createSeriesMarkers(this.candles, []);
    this.paint();
  }

  paint() {
    const style = getComputedStyle(document.documentElement);
    const tone = (name) => style.getPropertyValue(name).trim();
    this.tones = { up: tone("--up"), down: tone("--down"), accent: tone("--accent"), text: tone("--text-soft"), line: tone("--line") };
    this.chart.applyOptions({
      layout: { background: { color: "transparent" }, textColor: this.tones.text, fontFamily: style.getPropertyValue("--font"), fontSize: 11 },
      grid: { vertLines: { color: this.tones.line }, horzLines: { color: this.tones.line } },
      rightPriceScale: { borderColor: this.tones.line },
      timeScale: { borderColor: this.tones.line, timeVisible: true, secondsVisible: false, rightOffset: 4 },
      crosshair: { mode: 0 },
    });
    const { up, down } = this.tones;
    this.candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderUpColor: up, borderDownColor: down });
    this.path.applyOptions({ color: this.tones.accent });
    this.showMarks();
  }

  listen() {
    document.addEventListener("mystic:theme-changed", () => this.paint());
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-trade]");
      if (button) this.choose(Number(button.dataset.trade), button.dataset.tradeSymbol);
    });
    document.body.addEventListener("htmx:afterSettle", () => this.markRow());
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => this.loadMore(range));
  }

  async start() {
    try {
      await this.loadTrades(this.symbol);
      const last = this.trades.at(-1);
      await this.loadAround(last ? (last.closed_at ?? last.opened_at) : null);
      if (last) this.show(last);
    } catch (fault) {
      this.note(`The bars could not be read: ${fault.message}`);
    }
  }

  async loadTrades(symbol) {
    const { data } = await getJson(`${this.marksAddress}?${new URLSearchParams({ symbol })}`);
    this.symbol = symbol;
    this.trades = data.trades;
  }

  /** Show a trade of the table; one of another symbol brings that symbol's bars. */
  async choose(number, symbol) {
    try {
      if (symbol !== this.symbol) {
        this.slug = symbol.replace(/[^A-Za-z0-9.]/g, "");
        this.bars = [];
        this.isNewest = false;
        await this.loadTrades(symbol);
      }
      const trade = this.trades.find((one) => one.number === number);
      if (!trade) return;
      const isInside = this.bars.length && this.bars[0].time <= trade.opened_at && (trade.closed_at ?? trade.opened_at) <= this.bars.at(-1).time;
      if (!isInside) await this.loadAround(trade.closed_at ?? trade.opened_at);
      this.show(trade);
      this.figure.scrollIntoView({ block: "nearest", behavior: "smooth" });
    } catch (fault) {
      this.note(`The bars could not be read: ${fault.message}`);
    }
  }

  async loadAround(moment) {
    const end = moment === null ? undefined : moment + AROUND * 3 * this.seconds;
    this.bars = await this.fetchBars(end);
    this.showBars();
    this.note(this.bars.length ? "" : "No bars are stored here any more.");
  }

  async fetchBars(end) {
    const query = new URLSearchParams({ timeframe: this.timeframe, limit: BARS });
    if (end !== undefined) query.set("end", end);
    const { data } = await getJson(`/markets/${this.slug}/bars.json?${query}`);
    return data.bars.map(([time, open, high, low, close]) => ({ time, open, high, low, close }));
  }

  /** Fetch more once the person scrolls to an end of the bars that are loaded. */
  async loadMore(range) {
    if (!range || this.isFetching || !this.bars.length) return;
    const wantsOlder = range.from < EDGE;
    const wantsNewer = range.to > this.bars.length - EDGE && !this.isNewest;
    if (!wantsOlder && !wantsNewer) return;
    this.isFetching = true;
    try {
      const end = wantsOlder ? this.bars[0].time : this.bars.at(-1).time + BARS * this.seconds;
      const found = await this.fetchBars(end);
      const known = new Set(this.bars.map((bar) => bar.time));
      const fresh = found.filter((bar) => !known.has(bar.time));
      if (!wantsOlder && !fresh.length) this.isNewest = true;
      if (fresh.length) {
        this.bars = [...this.bars, ...fresh].sort((a, b) => a.time - b.time);
        this.showBars();
      }
    } catch {
      this.isNewest = true;
    } finally {
      setTimeout(() => { this.isFetching = false; }, 300);
    }
  }

  showBars() {
    this.candles.setData(this.bars);
    this.showMarks();
  }

  showMarks() {
    if (!this.bars.length) return;
    const { up, down, accent } = this.tones;
    const first = this.bars[0].time;
    const last = this.bars.at(-1).time;
    const marks = [];
    for (const trade of this.trades) {
      const isChosen = trade.number === this.chosen?.number;
      const isLong = trade.side !== "short";
      const entry = this.barOf(trade.opened_at);
      const exit = trade.closed_at === null ? null : this.barOf(trade.closed_at);
      if (entry >= first && entry <= last) {
        marks.push({ time: entry, position: isLong ? "belowBar" : "aboveBar", shape: isLong ? "arrowUp" : "arrowDown", color: isChosen ? accent : up, text: isChosen ? `${trade.number} in` : "" });
      }
      if (exit !== null && exit >= first && exit <= last) {
        marks.push({ time: exit, position: isLong ? "aboveBar" : "belowBar", shape: isLong ? "arrowDown" : "arrowUp", color: isChosen ? accent : down, text: isChosen ? `${trade.number} out, ${trade.leave}` : "" });
      }
    }
    this.markers.setMarkers(marks.sort((a, b) => a.time - b.time));
  }

  /** The bar in which something was filled: at its open, or a second before its end. */
  barOf(time) {
    return Math.floor(time / this.seconds) * this.seconds;
  }

  show(trade) {
    this.chosen = trade;
    this.showMarks();
    this.showLines(trade);
    const from = this.indexOf(trade.opened_at) - AROUND / 2;
    const to = this.indexOf(trade.closed_at ?? trade.opened_at) + AROUND / 2;
    this.chart.timeScale().setVisibleLogicalRange({ from, to: Math.max(to, from + AROUND) });
    const out = trade.closed_at === null ? "still open" : `out at ${price(trade.exit_price, this.places)} by ${trade.leave}`;
    this.say(`Trade ${trade.number} of ${this.symbol}: ${trade.side}, in at ${price(trade.entry_price, this.places)}, ${out}, profit ${price(trade.profit, 2)}.`);
    this.markRow();
  }

  showLines(trade) {
    for (const line of this.lines) this.candles.removePriceLine(line);
    const wanted = [["entry_price", "in", this.tones.accent, 0], ["exit_price", "out", this.tones.text, 2], ["stop", "stop", this.tones.down, 2], ["take", "target", this.tones.up, 2]];
    this.lines = wanted.filter(([name]) => trade[name] !== null && trade[name] !== undefined).map(([name, title, color, lineStyle]) =>
      this.candles.createPriceLine({ price: Number(trade[name]), color, lineWidth: 1, lineStyle, axisLabelVisible: true, title }));
    const entry = this.barOf(trade.opened_at);
    const exit = trade.closed_at === null ? null : this.barOf(trade.closed_at);
    this.path.setData(exit !== null && exit > entry ? [{ time: entry, value: Number(trade.entry_price) }, { time: exit, value: Number(trade.exit_price) }] : []);
  }

  indexOf(time) {
    const at = this.barOf(time);
    const index = this.bars.findIndex((bar) => bar.time >= at);
    return index < 0 ? this.bars.length - 1 : index;
  }

  markRow() {
    for (const row of document.querySelectorAll("#trades tr[aria-current]")) row.removeAttribute("aria-current");
    if (this.chosen) document.getElementById(`trade-${this.chosen.number}`)?.setAttribute("aria-current", "true");
  }

  say(text) {
    document.getElementById("research-chart-words").textContent = text;
  }

  note(text) {
    const note = this.figure.querySelector('[data-part="note"]');
    note.textContent = text;
    note.hidden = !text;
  }
}

async function getJson(address) {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (answer.ok) return answer.json();
  throw new Error(`the server answered ${answer.status}`);
}

for (const figure of document.querySelectorAll("[data-research-chart]")) new ResearchChart(figure);
