// The table of pairs: every number can be typed.

const SIDES = ["plate", "photo"];

// on: {moved(side, id, at, first), removed(id), chosen(id)}
export function showTable(table, state, on) {
  const body = table.tBodies[0], rows = new Map([...body.rows].map((row) => [Number(row.dataset.id), row]));
  for (const [id, row] of rows) if (!state.pairs.some((pair) => pair.id === id)) row.remove();
  state.pairs.forEach((pair, i) => {
    const row = rows.get(pair.id)?.isConnected ? rows.get(pair.id) : made(pair.id, state, on);
    if (body.rows[i] !== row) body.insertBefore(row, body.rows[i] ?? null);
    const known = state.fit?.of.get(pair.id), half = !pair.plate || !pair.photo;
    row.className = `${half ? "half" : known && !known.agrees ? "wrong" : ""} ${pair.id === state.chosen ? "chosen" : ""}`;
    row.cells[0].textContent = i + 1;
    row.querySelectorAll("input").forEach((input) => {
      const at = pair[input.dataset.side];
      input.disabled = !at;
      input.setAttribute("aria-label", `Pair ${i + 1}, ${input.dataset.side} ${"xy"[input.dataset.axis]}`);
      if (document.activeElement !== input) input.value = at ? at[input.dataset.axis].toFixed(1) : "";
    });
    const left = Object.assign(document.createElement("small"), { textContent: "left out" });
    row.querySelector(".n").replaceChildren(...(half || !known ? ["–"] : [`${known.error.toFixed(2)} px`, ...(known.agrees ? [] : [left])]));
    row.querySelector("button").setAttribute("aria-label", `Delete pair ${i + 1}`);
  });
  table.hidden = !state.pairs.length;
}

function made(id, state, on) {
  const row = document.createElement("tr");
  row.dataset.id = id;
  row.append(document.createElement("td"));
  for (const side of SIDES) {
    for (const axis of [0, 1]) {
      const input = document.createElement("input");
      Object.assign(input, { type: "number", step: "0.1" });
      Object.assign(input.dataset, { side, axis });
      input.addEventListener("change", () => {
        const at = [...state.pairs.find((pair) => pair.id === id)[side]], value = input.valueAsNumber;
        if (Number.isFinite(value)) { at[axis] = value; on.moved(side, id, at, true); }
      });
      input.addEventListener("focus", () => on.chosen(id));
      row.append(document.createElement("td"));
      row.lastChild.append(input);
    }
  }
  row.append(Object.assign(document.createElement("td"), { className: "n" }), document.createElement("td"));
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
  button.addEventListener("click", () => on.removed(id));
  row.lastChild.append(button);
  return row;
}
