// Tabs: <div class="tabs" role="tablist"> with buttons role="tab" aria-controls="panel-id".
export function startTabs() {
  document.querySelectorAll('[role="tablist"]').forEach(arm);
  document.body.addEventListener("htmx:load", (event) => {
    event.detail.elt.querySelectorAll?.('[role="tablist"]').forEach(arm);
  });
}

function arm(list) {
  if (list.mysticIsArmed) return;
  list.mysticIsArmed = true;
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) select(tabs, tab);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const index = tabs.indexOf(document.activeElement);
    const next = tabs[(index + step + tabs.length) % tabs.length];
    select(tabs, next);
    next.focus();
  });
  select(tabs, tabs.find((tab) => tab.getAttribute("aria-selected") === "true") ?? tabs[0]);
}

function select(tabs, chosen) {
  for (const tab of tabs) {
    const isChosen = tab === chosen;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
  }
}
