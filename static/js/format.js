// Numbers and times as people read them; the same forms as mystic/templatetags/ui.py.
const formats = new Map();

export const NOTHING = "—";

function numberFormat(places, isSigned) {
  const key = `${places}:${isSigned}`;
  if (!formats.has(key)) {
    const digits = places === null ? { maximumFractionDigits: 12 } : { minimumFractionDigits: places, maximumFractionDigits: places };
    formats.set(key, new Intl.NumberFormat("en-GB", { ...digits, signDisplay: isSigned ? "exceptZero" : "auto" }));
  }
  return formats.get(key);
}

export function toNumber(value) {
  if (value === null || value === undefined || value === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

export function price(value, places = null) {
  const number = toNumber(value);
  return number === null ? NOTHING : numberFormat(places, false).format(number);
}

/** Return {text, tone}: an arrow, a sign and a tone, so that colour is never alone. */
export function signed(value, places = 2) {
  const number = toNumber(value);
  if (number === null) return { text: NOTHING, tone: "" };
  const text = numberFormat(places, true).format(number);
  if (!/[1-9]/.test(text)) return { text, tone: "flat" };
  return number > 0 ? { text: `▲ ${text}`, tone: "up" } : { text: `▼ ${text}`, tone: "down" };
}

export function percent(value, places = 2) {
  const number = toNumber(value);
  return number === null ? NOTHING : `${numberFormat(places, false).format(number * 100)} %`;
}

export function age(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return NOTHING;
  const seconds = Math.max(0, milliseconds / 1000);
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  for (const [limit, size, unit] of [[120, 1, "s"], [7200, 60, "min"], [172800, 3600, "h"]]) {
    if (seconds < limit) return `${Math.round(seconds / size)} ${unit}`;
  }
  return `${Math.round(seconds / 86400)} d`;
}

export function clock(iso) {
  return iso ? iso.replace("T", " ").replace("Z", " UTC") : NOTHING;
}
