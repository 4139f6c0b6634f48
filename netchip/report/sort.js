"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const SIZES = { "": 1, "%": 1, pt: 1, dB: 1, x: 1, B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, k: 1e3, M: 1e6, G: 1e9, T: 1e12,
    us: 1e-6, "µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, pJ: 1e-12, nJ: 1e-9, "µJ": 1e-6, mJ: 1e-3, J: 1, kJ: 1e3, MJ: 1e6, "mm²": 1 };
  const FIGURE = /^[×±+]?\s*(-?[\d,]*\.?\d+(?:e[+-]?\d+)?)\s*([a-zA-Zµ%²]*)(?:\s+(\d+) (min|s))?$/;
  const text = cell => (cell.querySelector("b,a") || cell.firstChild || cell).textContent.trim();
  const figure = words => {
    const found = FIGURE.exec(words);
    const size = found ? SIZES[found[2]] : undefined;
    if (size === undefined) return NaN;
    return Number(found[1].replaceAll(",", "")) * size + (found[3] ? Number(found[3]) * SIZES[found[4]] : 0);
  };
  const sort = (table, column, heading) => {
    const rows = [...table.tBodies[0].rows].map(row => ({ row, words: text(row.cells[column]) }));
    const known = rows.filter(each => each.words !== "–" && each.words !== "");
    known.forEach(each => { each.figure = figure(each.words); });
    const numbers = known.every(each => !Number.isNaN(each.figure));
    const now = heading.getAttribute("aria-sort");
    const down = now ? now === "ascending" : numbers;
    known.sort((a, b) => (down ? -1 : 1) * (numbers ? a.figure - b.figure : a.words.localeCompare(b.words, "en", { numeric: true })));
    table.tBodies[0].append(...known.map(each => each.row), ...rows.filter(each => !known.includes(each)).map(each => each.row));
    table.querySelectorAll("[aria-sort]").forEach(other => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  };
  document.querySelectorAll("table.figures").forEach(table => {
    const lines = [...table.tHead.rows];
    const headings = [...(lines.length > 1 ? [lines[0].cells[0]] : []), ...lines.at(-1).cells];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, column, heading));
      heading.append(button);
    });
  });
  const reveal = () => {
    for (let place = document.getElementById(location.hash.slice(1)); place; place = place.parentElement) {
      if (place.tagName === "DETAILS") place.open = true;
    }
  };
  window.addEventListener("hashchange", reveal);
  reveal();
});
