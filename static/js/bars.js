// A series of bars in one timeframe, kept up to date by bars of the same or a finer one.

export const SECONDS = { "1s": 1, "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400 };

export class BarSeries {
  constructor(seconds, list = []) {
    this.seconds = seconds;
    this.list = list;
    this.parts = new Map(); // open time of a finer bar -> its newest state, within the last bucket
  }

  bucketOf(time) {
    return Math.floor(time / this.seconds) * this.seconds;
  }

  has(time) {
    let low = 0;
    let high = this.list.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.list[middle].time;
      if (found === time) return true;
      if (found < time) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }

  /** Take a bar of this or a finer timeframe; return the newest bar, or null if it came too late. */
  add(bar) {
    const time = this.bucketOf(bar.time);
    const newest = this.list.at(-1);
    if (newest && time < newest.time) return null;
    const isKnownWhole = newest && time === newest.time && this.parts.size === 0;
    if (isKnownWhole && bar.time !== time) return null;
    if (!newest || time > newest.time) {
      this.parts.clear();
      this.list.push({ time });
    }
    this.parts.set(bar.time, bar);
    const parts = [...this.parts.values()].sort((a, b) => a.time - b.time);
    const merged = {
      time,
      open: parts[0].open,
      high: Math.max(...parts.map((part) => part.high)),
      low: Math.min(...parts.map((part) => part.low)),
      close: parts.at(-1).close,
      volume: parts.reduce((sum, part) => sum + part.volume, 0),
    };
    this.list[this.list.length - 1] = merged;
    return merged;
  }
}
