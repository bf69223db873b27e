// The frame around every page: messages, theme, menus, and what to do when a request fails.
const TOAST_MS = 8000;

export function startFrame() {
  const body = document.body;
  document.querySelectorAll("#toasts .toast").forEach(armToast);
  body.addEventListener("mystic:toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.level));
  body.addEventListener("mystic:alert", (event) => {
    const data = event.detail.data ?? {};
    if (data.title) toast(data.title, data.severity ?? "info");
  });
  body.addEventListener("mystic:signed-out", () => location.assign(loginAddress()));
  startMenus();
  startDialogs();
  startTheme();
  startRequests();
  startCopying();
}

/** Say something in the corner; read out politely by a screen reader. */
export function toast(text, level = "info") {
  const element = document.createElement("div");
  element.className = "toast";
  element.dataset.level = level;
  const words = document.createElement("p");
  words.textContent = text;
  element.append(words);
  document.getElementById("toasts").append(element);
  armToast(element);
}

function armToast(element) {
  const close = document.createElement("button");
  close.type = "button";
  close.className = "toast-close";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "✕";
  close.addEventListener("click", () => element.remove());
  element.append(close);
  const isLasting = ["error", "critical"].includes(element.dataset.level);
  if (!isLasting) setTimeout(() => element.remove(), TOAST_MS);
}

function startMenus() {
  const toggle = document.querySelector(".nav-toggle");
  const nav = document.getElementById("mainnav");
  toggle?.addEventListener("click", () => {
    toggle.setAttribute("aria-expanded", String(nav.classList.toggle("is-open")));
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("details.prov[open]")) placeCard(event.target);
  }, true);
  document.addEventListener("scroll", () => {
    for (const details of document.querySelectorAll("details.prov[open]")) placeCard(details);
  }, { capture: true, passive: true });
  document.addEventListener("click", (event) => closeDetails((details) => !details.contains(event.target)));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    closeDetails(() => true);
    nav?.classList.remove("is-open");
    toggle?.setAttribute("aria-expanded", "false");
  });
}

/** Put the card of an opened provenance beside it, inside the window. */
function placeCard(details) {
  const card = details.querySelector(".prov-card");
  const anchor = details.getBoundingClientRect();
  const width = card.offsetWidth;
  const left = Math.min(Math.max(8, anchor.right - width), globalThis.innerWidth - width - 8);
  const isBelow = anchor.bottom + card.offsetHeight + 8 < globalThis.innerHeight;
  const top = isBelow ? anchor.bottom + 4 : anchor.top - card.offsetHeight - 4;
  card.style.setProperty("--card-left", `${left}px`);
  card.style.setProperty("--card-top", `${Math.max(8, top)}px`);
}

function closeDetails(isConcerned) {
  for (const details of document.querySelectorAll("details.menu[open], details.prov[open]")) {
    if (isConcerned(details)) details.open = false;
  }
}

/** A button that asks first: <button data-confirm="dialog-id">; without this the form is sent. */
function startDialogs() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-confirm]");
    const dialog = button && document.getElementById(button.dataset.confirm);
    if (!dialog) return;
    event.preventDefault();
    dialog.showModal();
  });
}

function startCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value);
      toast("Copied.", "success");
    } catch {
      source.select();
      toast("Your browser does not let pages copy; the key is selected, copy it by hand.");
    }
  });
}

function startTheme() {
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.addEventListener("click", () => {
      const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      setTheme(theme);
      const values = new URLSearchParams({ theme });
      const headers = JSON.parse(document.body.getAttribute("hx-headers"));
      fetch("/settings/theme/", { method: "POST", body: values, headers, redirect: "error" }).catch(() => {});
    });
  }
  document.body.addEventListener("mystic:theme", (event) => setTheme(event.detail.value ?? event.detail.theme));
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new CustomEvent("mystic:theme-changed"));
}

function loginAddress() {
  return `/accounts/login/?next=${encodeURIComponent(location.pathname + location.search)}`;
}

function startRequests() {
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const address = event.detail.xhr.responseURL;
    if (address && new URL(address).pathname === "/accounts/login/") {
      event.detail.shouldSwap = false;
      location.assign(loginAddress());
    }
  });
  document.body.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (isQuiet(event)) {
      explain(event, `This part could not be loaded (${status}). It is tried again when something changes.`);
      return;
    }
    const words = status === 429 ? "Too many requests; wait a moment and try again." : `The server could not do that (${status}).`;
    toast(words, "error");
  });
  document.body.addEventListener("htmx:sendError", (event) => {
    if (isQuiet(event)) explain(event, "Mystic cannot be reached. This part loads when it answers again.");
    else toast("Mystic cannot be reached; nothing was sent.", "error");
  });
}

/** A placeholder never says "Loading" for ever; what was shown before stays. */
function explain(event, words) {
  const placeholder = event.detail.target?.querySelector("[data-loading]");
  if (placeholder) placeholder.textContent = words;
}

function isQuiet(event) {
  return event.detail.requestConfig?.verb === "get";
}
