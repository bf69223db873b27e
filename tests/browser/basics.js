() => {
  const faults = [];
  const name = (one) => one.outerHTML.slice(0, 120);
  const text = (one) => (one.getAttribute("aria-label") || one.textContent || one.title || "").trim();
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title.trim()) faults.push("no title");
  for (const one of document.querySelectorAll("img:not([alt])")) faults.push("no alt: " + name(one));
  for (const one of document.querySelectorAll("input, select, textarea")) {
    if (one.type === "hidden") continue;
    if (!one.labels.length && !one.getAttribute("aria-label")) faults.push("no label: " + name(one));
  }
  for (const one of document.querySelectorAll("button, a[href], summary")) {
    if (!text(one)) faults.push("no name: " + name(one));
  }
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) faults.push("id twice: " + id);
  for (const one of document.querySelectorAll("[aria-labelledby], [aria-describedby], [aria-controls]")) {
    for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
      for (const id of (one.getAttribute(attribute) || "").split(" ").filter(Boolean)) {
        if (!document.getElementById(id)) faults.push(attribute + " points nowhere: " + name(one));
      }
    }
  }
  const width = document.documentElement.scrollWidth;
  if (width > window.innerWidth) faults.push("the page is " + width + " px wide");
  return faults;
}
