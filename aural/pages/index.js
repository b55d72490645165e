"use strict";
// Sort the rows by the column whose head is pressed: numbers by value, all else as text, what is missing at the end.
const rows = document.querySelector("#rows tbody");

for (const [column, button] of [...document.querySelectorAll("#rows th button")].entries()) {
  button.addEventListener("click", () => {
    const head = button.closest("th");
    const descending = head.getAttribute("aria-sort") === "ascending";
    for (const other of document.querySelectorAll("#rows [aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const keyed = [...rows.rows].map((row) => {
      const cell = row.cells[column];
      return { row, missing: cell.dataset.value === "", key: cell.dataset.value ?? cell.textContent };
    });
    const numeric = keyed.some(({ row, missing }) => !missing && "value" in row.cells[column].dataset);
    keyed.sort((a, b) => {
      if (a.missing || b.missing) return a.missing - b.missing;
      const order = numeric ? a.key - b.key : a.key.localeCompare(b.key, undefined, { numeric: true });
      return descending ? -order : order;
    });
    rows.append(...keyed.map(({ row }) => row));
  });
}
