// The list of photos: filters, search, rows made in portions so that thousands stay quick.
const PORTION = 200;
const rows = new Map(); // record -> its row, once made

function drawFilters() {
  byId("filters").replaceChildren(
    ...Object.keys(matches).map((filter) => {
      const count = records.filter(matches[filter]).length;
      const button = make("button", { type: "button", text: `${filter} ${count}` });
      button.dataset.filter = filter;
      button.setAttribute("aria-pressed", String(filter === view.filter));
      button.onclick = () => { view.filter = filter; refilter(); };
      return button;
    }),
  );
}
function refilter() {
  const kept = current();
  const wanted = view.search.trim().toLocaleLowerCase();
  view.shown = records.filter((r) => matches[view.filter](r) && r.name.toLocaleLowerCase().includes(wanted));
  drawFilters();
  rows.clear();
  byId("list").replaceChildren();
  moreRows();
  show(Math.max(0, view.shown.indexOf(kept)));
}
function moreRows() {
  const list = byId("list");
  list.querySelector(".more")?.remove();
  const start = rows.size;
  for (const record of view.shown.slice(start, start + PORTION)) {
    const row = makeRow(record);
    rows.set(record, row);
    list.append(row);
  }
  if (rows.size < view.shown.length) {
    const more = make("div", { className: "more" });
    list.append(more);
    new IntersectionObserver((seen, observer) => {
      if (seen.some((one) => one.isIntersecting)) { observer.disconnect(); moreRows(); }
    }, { root: list, rootMargin: "600px" }).observe(more);
  }
}
function makeRow(record) {
  const row = make("div", { className: "row", title: record.name });
  row.setAttribute("role", "option");
  row.onclick = () => show(view.shown.indexOf(record));
  fillRow(row, record);
  return row;
}
function fillRow(row, record) {
  const error = record.expected_error === null ? "" : percent(record.expected_error);
  const small = make("small", {}, pill(record.status), make("span", { text: error }));
  if (choices.has(record.name)) small.append(make("span", { className: "changed", title: "you changed this one" }));
  const thumb = record.pictures.thumb
    ? make("img", { loading: "lazy", decoding: "async", alt: "", src: picture(record, record.pictures.thumb) })
    : make("div", { className: "blank" });
  row.replaceChildren(thumb, make("div", { className: "info" }, make("b", { text: record.name }), small));
}
function markRow() {
  while (!rows.has(current()) && rows.size < view.shown.length) moreRows();
  byId("list").querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
  const row = rows.get(current());
  row?.setAttribute("aria-selected", "true");
  const list = byId("list");
  if (!row) return;
  const [box, frame] = [row.getBoundingClientRect(), list.getBoundingClientRect()];
  if (box.top < frame.top || box.bottom > frame.bottom) list.scrollTop += box.top - frame.top - frame.height / 3;
  if (box.left < frame.left || box.right > frame.right) list.scrollLeft += box.left - frame.left - frame.width / 3;
}
function redrawRow(record) {
  drawFilters();
  const row = rows.get(record);
  if (row) fillRow(row, record);
}
