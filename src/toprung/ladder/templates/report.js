"use strict";
// Sorts the table of classes by the column whose heading is pressed. Everything else works without a script.
for (const button of document.querySelectorAll("table.sortable th button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const table = heading.closest("table");
    const column = heading.cellIndex;
    const body = table.tBodies[0];
    const key = (row) => row.cells[column].dataset.value;
    const numeric = heading.dataset.kind === "number";
    // The first press shows the largest numbers, or names from A; the next one turns it round.
    const now = heading.getAttribute("aria-sort");
    const rising = now ? now === "descending" : !numeric;
    const sign = rising ? 1 : -1;
    const rows = Array.from(body.rows).sort((a, b) => {
      const x = key(a);
      const y = key(b);
      if (x === "" || y === "") return (x === "") - (y === ""); // unknown ones last, whatever the order
      return sign * (numeric ? Number(x) - Number(y) : x.localeCompare(y, undefined, { numeric: true }));
    });
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
    body.append(...rows);
  });
}
