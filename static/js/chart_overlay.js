// Smart-Money drawings: order blocks, breakers and fair value gaps as areas, broken structure and
// pools of liquidity as lines, sweeps as crosses.

const LABELS = { order_block: "OB", breaker: "BRK", fvg: "FVG", bos: "BOS", choch: "CHoCH" };
const DASHES = { order_block: [], breaker: [1, 3], fvg: [3, 3] };
const STRENGTH = { fresh: { fill: 0.15, edge: 0.75 }, touched: { fill: 0.08, edge: 0.5 }, spent: { fill: 0.04, edge: 0.25 } };
const BLOCK_KINDS = ["order_block", "breaker"];
const BREAK_KINDS = ["bos", "choch"];
const OPEN_BLOCKS = 6;
const SPENT_BLOCKS = 5;
const OPEN_GAPS = 6;
const SPENT_GAPS = 4;
const BREAKS = 14;
const OPEN_POOLS = 6;
const SPENT_POOLS = 4;
const SWEEPS = 10;
const CROSS = 3.5;
const LABEL_WIDTH = 44;
const LABEL_HEIGHT = 11;

export class OverlayPrimitive {
  constructor() {
    this.zones = [];
    this.breaks = [];
    this.pools = [];
    this.sweeps = [];
    this.tones = { up: "#888", down: "#888", text: "#888", info: "#888" };
    this.view = { renderer: () => ({ draw: (target) => this.draw(target) }), zOrder: () => "bottom" };
  }

  attached({ chart, series, requestUpdate }) {
    this.chart = chart;
    this.series = series;
    this.requestUpdate = requestUpdate;
  }

  paneViews() {
    return [this.view];
  }

  /** Show patterns layer by layer: those that stand nearest to the price, and a few that are spent. */
  show({ patterns, layers, last }) {
    const newestFirst = [...patterns].sort((a, b) => b.confirmed_at - a.confirmed_at);
    const distance = (zone) => Math.max(zone.bottom - last, last - zone.top, 0);
    const some = (kinds, open, spent) => {
      const found = newestFirst.filter((one) => kinds.includes(one.kind));
      const standing = found.filter((one) => endOf(one) === null).sort((a, b) => distance(a) - distance(b));
      return [...found.filter((one) => endOf(one) !== null).slice(0, spent), ...standing.slice(0, open)];
    };
    // Blocks first: where labels would lie on each other, theirs are written.
    this.zones = layers.zones ? [...some(BLOCK_KINDS, OPEN_BLOCKS, SPENT_BLOCKS), ...some(["fvg"], OPEN_GAPS, SPENT_GAPS)] : [];
    this.pools = layers.liquidity ? some(["liquidity"], OPEN_POOLS, SPENT_POOLS) : [];
    this.sweeps = layers.liquidity ? newestFirst.filter((one) => one.kind === "sweep").slice(0, SWEEPS) : [];
    const breaks = layers.structure ? breaksOf(patterns) : [];
    this.breaks = breaks.sort((a, b) => b.confirmed_at - a.confirmed_at).slice(0, BREAKS);
    this.requestUpdate?.();
  }

  draw(target) {
    target.useBitmapCoordinateSpace((scope) => {
      const { context, horizontalPixelRatio: across, verticalPixelRatio: down } = scope;
      context.save();
      context.scale(across, down);
      context.font = "10px system-ui, sans-serif";
      const width = scope.mediaSize.width;
      this.labels = [];
      for (const zone of this.zones) this.drawZone(context, zone, width);
      for (const one of this.pools) this.drawPool(context, one, width);
      for (const one of this.breaks) this.drawBreak(context, one);
      for (const one of this.sweeps) this.drawSweep(context, one);
      context.restore();
    });
  }

  drawZone(context, zone, width) {
    const end = endOf(zone);
    const left = this.x(zone.at);
    const right = end === null ? width : this.x(end);
    const top = this.series.priceToCoordinate(zone.top);
    const bottom = this.series.priceToCoordinate(zone.bottom);
    if ([left, right, top, bottom].includes(null) || right < 0 || left > width) return;
    const tone = this.toneOf(zone);
    const { fill, edge } = STRENGTH[stateOf(zone)];
    context.fillStyle = tone;
    context.globalAlpha = fill;
    const height = Math.max(1, bottom - top);
    context.fillRect(left, top, Math.max(1, right - left), height);
    context.globalAlpha = edge;
    context.strokeStyle = tone;
    context.lineWidth = 1;
    context.setLineDash(DASHES[zone.kind]);
    context.strokeRect(left + 0.5, top + 0.5, Math.max(1, right - left), height);
    context.setLineDash([]);
    if (end === null && right - Math.max(0, left) > 34) this.label(context, labelOf(zone), Math.max(2, left) + 3, top - 3, tone);
    context.globalAlpha = 1;
  }

  /** A line along the outer edge of equal highs or lows, to where it was swept, taken or grew. */
  drawPool(context, pool, width) {
    const left = this.x(pool.at);
    const right = pool.mitigated_at === null ? width : this.x(pool.mitigated_at);
    const level = this.series.priceToCoordinate(pool.direction > 0 ? pool.bottom : pool.top);
    if ([left, right, level].includes(null) || right < 0 || left > width) return;
    const tone = this.tones.info;
    this.line(context, { left, right, level, tone, alpha: pool.mitigated_at === null ? 0.9 : 0.4, dash: [1, 2] });
    if (right - left > 24) this.label(context, pool.direction > 0 ? "EQL" : "EQH", Math.max(2, left) + 3, level + (pool.direction > 0 ? 11 : -3), tone);
    context.globalAlpha = 1;
  }

  /** A cross at the end of the wick that went beyond a pool. */
  drawSweep(context, sweep) {
    const x = this.x(sweep.at);
    const y = this.series.priceToCoordinate(sweep.direction > 0 ? sweep.bottom : sweep.top);
    if (x === null || y === null) return;
    context.strokeStyle = this.toneOf(sweep);
    context.globalAlpha = 0.95;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(x - CROSS, y - CROSS);
    context.lineTo(x + CROSS, y + CROSS);
    context.moveTo(x - CROSS, y + CROSS);
    context.lineTo(x + CROSS, y - CROSS);
    context.stroke();
    context.globalAlpha = 1;
  }

  drawBreak(context, one) {
    const level = this.series.priceToCoordinate(one.direction > 0 ? one.top : one.bottom);
    const left = this.x(one.at);
    const right = this.x(one.confirmed_at);
    if ([left, right, level].includes(null)) return;
    const tone = this.toneOf(one);
    this.line(context, { left, right, level, tone, alpha: 0.85, dash: one.kind === "choch" ? [5, 3] : [] });
    if (right - left > 24) this.label(context, LABELS[one.kind], (left + right) / 2 - 10, level + (one.direction > 0 ? -4 : 12), tone);
    context.globalAlpha = 1;
  }

  line(context, { left, right, level, tone, alpha, dash }) {
    context.strokeStyle = tone;
    context.globalAlpha = alpha;
    context.lineWidth = 1;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(left, level + 0.5);
    context.lineTo(right, level + 0.5);
    context.stroke();
    context.setLineDash([]);
  }

  toneOf({ direction }) {
    return direction > 0 ? this.tones.up : this.tones.down;
  }

  /** Write a label unless it would lie on another. */
  label(context, text, x, y, tone) {
    const isTaken = this.labels.some((other) => Math.abs(other.x - x) < LABEL_WIDTH && Math.abs(other.y - y) < LABEL_HEIGHT);
    if (isTaken) return;
    this.labels.push({ x, y });
    context.globalAlpha = 0.95;
    context.fillStyle = tone;
    context.fillText(text, x, y);
  }

  /** The coordinate of the bar that holds this moment, also outside the loaded bars' own times. */
  x(time) {
    const scale = this.chart.timeScale();
    const index = scale.timeToIndex(time, true);
    return index === null ? null : scale.logicalToCoordinate(index);
  }
}

/** When a zone is used up: a gap when it is filled, others when they are mitigated; null before. */
function endOf(zone) {
  return zone.kind === "fvg" ? zone.filled_at : zone.mitigated_at;
}

function stateOf(zone) {
  if (endOf(zone) !== null) return "spent";
  return zone.touched_at === null ? "fresh" : "touched";
}

function labelOf(zone) {
  const words = [LABELS[zone.kind], zone.direction > 0 ? "▲" : "▼"];
  if (zone.quality !== null) words.push(`${Math.round(zone.quality * 100)} %`);
  return words.join(" ");
}

/** Each break of structure with the time of the swing whose level was broken. */
function breaksOf(patterns) {
  const swings = new Map();
  for (const one of patterns) {
    if (one.kind === "swing_high") swings.set(`1 ${one.top}`, [...(swings.get(`1 ${one.top}`) ?? []), one.at]);
    if (one.kind === "swing_low") swings.set(`-1 ${one.bottom}`, [...(swings.get(`-1 ${one.bottom}`) ?? []), one.at]);
  }
  return patterns.filter((one) => BREAK_KINDS.includes(one.kind)).map((one) => {
    const earlier = (swings.get(`${one.direction} ${one.direction > 0 ? one.top : one.bottom}`) ?? []).filter((at) => at < one.at);
    return { ...one, at: earlier.length ? Math.max(...earlier) : one.at };
  });
}
