// Smart-Money drawings: order blocks and fair value gaps as areas, broken structure as lines.

const LABELS = { order_block: "OB", fvg: "FVG", bos: "BOS", choch: "CHoCH" };
const OPEN_ZONES = 8;
const SPENT_ZONES = 8;
const BREAKS = 14;
const LABEL_WIDTH = 44;
const LABEL_HEIGHT = 11;

export class OverlayPrimitive {
  constructor() {
    this.zones = [];
    this.breaks = [];
    this.tones = { up: "#888", down: "#888", text: "#888" };
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

  /** Show zones and breaks: those that still stand nearest to the price, and a few that are spent. */
  show({ zones, breaks, last }) {
    const newestFirst = [...zones].sort((a, b) => b.confirmed_at - a.confirmed_at);
    const distance = (zone) => Math.max(zone.bottom - last, last - zone.top, 0);
    const open = newestFirst.filter((zone) => zone.mitigated_at === null).sort((a, b) => distance(a) - distance(b)).slice(0, OPEN_ZONES);
    const spent = newestFirst.filter((zone) => zone.mitigated_at !== null).slice(0, SPENT_ZONES);
    this.zones = [...spent, ...open];
    this.breaks = [...breaks].sort((a, b) => b.confirmed_at - a.confirmed_at).slice(0, BREAKS);
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
      for (const one of this.breaks) this.drawBreak(context, one);
      context.restore();
    });
  }

  drawZone(context, zone, width) {
    const left = this.x(zone.at);
    const right = zone.mitigated_at === null ? width : this.x(zone.mitigated_at);
    const top = this.series.priceToCoordinate(zone.top);
    const bottom = this.series.priceToCoordinate(zone.bottom);
    if ([left, right, top, bottom].includes(null) || right < 0 || left > width) return;
    const tone = zone.direction > 0 ? this.tones.up : this.tones.down;
    const isOpen = zone.mitigated_at === null;
    context.fillStyle = tone;
    context.globalAlpha = isOpen ? 0.13 : 0.05;
    const height = Math.max(1, bottom - top);
    context.fillRect(left, top, Math.max(1, right - left), height);
    context.globalAlpha = isOpen ? 0.75 : 0.3;
    context.strokeStyle = tone;
    context.lineWidth = 1;
    context.setLineDash(zone.kind === "fvg" ? [3, 3] : []);
    context.strokeRect(left + 0.5, top + 0.5, Math.max(1, right - left), height);
    context.setLineDash([]);
    if (isOpen && right - Math.max(0, left) > 34) this.label(context, `${LABELS[zone.kind]} ${zone.direction > 0 ? "▲" : "▼"}`, Math.max(2, left) + 3, top - 3, tone);
    context.globalAlpha = 1;
  }

  drawBreak(context, one) {
    const level = this.series.priceToCoordinate(one.direction > 0 ? one.top : one.bottom);
    const left = this.x(one.at);
    const right = this.x(one.confirmed_at);
    if ([left, right, level].includes(null)) return;
    const tone = one.direction > 0 ? this.tones.up : this.tones.down;
    context.strokeStyle = tone;
    context.globalAlpha = 0.85;
    context.lineWidth = 1;
    context.setLineDash(one.kind === "choch" ? [5, 3] : []);
    context.beginPath();
    context.moveTo(left, level + 0.5);
    context.lineTo(right, level + 0.5);
    context.stroke();
    context.setLineDash([]);
    if (right - left > 24) this.label(context, LABELS[one.kind], (left + right) / 2 - 10, level + (one.direction > 0 ? -4 : 12), tone);
    context.globalAlpha = 1;
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
