// One photo: its verdict, its pictures, its candidates; and the keys.
function show(index) {
  view.index = Math.min(Math.max(0, index), Math.max(0, view.shown.length - 1));
  view.zoom = 1;
  brush.stroke = null;
  const some = view.shown.length > 0;
  byId("entry").hidden = !some;
  byId("empty").hidden = some;
  if (!some) return;
  if (!current().size) setMode("compare");
  markRow();
  drawEntry();
  stage.scrollTo(0, 0);
  for (const near of [view.shown[view.index + 1]]) {
    if (near?.pictures.photo) for (const file of [near.pictures.photo, near.pictures.cutout]) new Image().src = picture(near, file);
  }
}
function drawEntry() {
  const record = current();
  byId("name").textContent = record.name;
  byId("status").className = `pill ${record.status}`;
  byId("status").textContent = `${GLYPHS[record.status]} ${record.status}`;
  const [low, high] = record.interval ?? [null, null];
  const span = low === null || high === null ? "" : ` (${percent(low)} to ${percent(high)})`;
  byId("error").textContent = record.expected_error === null ? "" : `expected error ${percent(record.expected_error)}${span}`;
  byId("error").title = "Mean absolute error of alpha over the picture, with its 90 % interval";
  byId("position").textContent = `${view.index + 1} of ${view.shown.length}`;
  byId("previous").disabled = view.index === 0;
  byId("next").disabled = view.index === view.shown.length - 1;
  byId("reasons").replaceChildren(...record.reasons.map((text) => make("li", { text })));
  byId("no-reason").hidden = record.reasons.length > 0;
  drawMeasures(record);
  drawFiles(record);
  const there = Boolean(record.size);
  for (const id of ["worst-figure", "disagreement-figure"]) byId(id).hidden = !there;
  byId("entry").querySelector(".work").hidden = !there;
  byId("entry").querySelector(".picks").hidden = !there;
  byId("candidates").hidden = !there;
  if (there) drawPictures(record);
}
function drawPictures(record) {
  const picked = pickedOf(record);
  const shown = !server.there && picked ? picked.picture : record.pictures.cutout; // no server: the pick's small picture
  byId("photo").src = byId("worst-photo").src = picture(record, record.pictures.photo);
  byId("cutout").src = picture(record, shown);
  byId("disagreement-figure").hidden = !record.pictures.disagreement;
  if (record.pictures.disagreement) byId("disagreement").src = picture(record, record.pictures.disagreement);
  for (const box of byId("entry").querySelectorAll(".place")) markPlace(box, record);
  byId("worst-text").textContent = record.place ? "The worst place" : "No place stands out";
  byId("look").hidden = !record.place;
  drawCandidates(record);
  fitSheet();
  setMode(view.mode);
}
function drawMeasures(record) {
  const rows = Object.entries(record.measures ?? {}).map(([name, value]) =>
    make("tr", {}, make("td", { text: name.replaceAll("_", " ") }), make("td", { text: value === null ? "–" : String(+value.toPrecision(3)) })));
  byId("measures").hidden = rows.length === 0;
  byId("measures").querySelector("table").replaceChildren(...rows);
}
function drawFiles(record) {
  const links = record.files.map((file) => {
    const text = file.split("/").at(-1);
    try { return make("a", { href: `./${file.split("/").map(encodeURIComponent).join("/")}`, target: "_blank", text }); }
    catch { return make("span", { text }); } // a name that is no Unicode has no address
  });
  byId("files").replaceChildren(...links.flatMap((link, i) => (i ? [", ", link] : [link])));
}
const pickedOf = (record) => record.candidates.find((one) => one.name === choiceOf(record).picked);

function drawCandidates(record) {
  const most = Math.max(1e-9, ...record.candidates.map((one) => one.expected_error ?? 0), record.expected_error ?? 0);
  const automatic = {
    name: "automatic", error: pickedOf(record) ? null : record.expected_error, file: pickedOf(record) ? null : record.pictures.cutout,
    note: pickedOf(record) ? "take back the pick" : record.chosen ? `chosen: ${record.chosen}` : "fused", picked: null,
  };
  const all = [automatic, ...record.candidates.map((one) => ({
    name: one.name, error: one.expected_error, file: one.picture, note: "", picked: one.name,
  }))];
  byId("candidates").replaceChildren(...all.map((one, number) => makeCandidate(record, one, number, most)));
}
function makeCandidate(record, one, number, most) {
  const told = one.error === null ? one.note : `expected error ${percent(one.error)}${one.note && ` · ${one.note}`}`;
  const bar = make("i");
  bar.style.width = `${one.error === null ? 0 : (100 * one.error) / most}%`;
  const text = make("div", { className: "text" }, make("b", { text: one.name }), make("div", { className: "meter" }, bar), make("small", { text: told }));
  if (number < 10) text.prepend(make("kbd", { text: String(number) }));
  const square = make("div", { className: "view ground-checker" });
  if (one.file) square.append(make("img", { loading: "lazy", decoding: "async", alt: "", src: picture(record, one.file) }));
  const card = make("button", { type: "button", className: "candidate" }, square, text);
  card.setAttribute("aria-pressed", String((choiceOf(record).picked ?? null) === one.picked));
  card.onclick = () => pick(one.picked);
  return card;
}
function pick(name) {
  const record = current();
  if (!record?.size || !byId("busy").hidden) return;
  decide(record, { picked: name });
  apply(record);
}
const step = (by) => () => show(view.index + by);
const nextGround = () => { const all = Object.keys(GROUNDS); setGround(all[(all.indexOf(view.ground) + 1) % all.length]); };
const KEYS = {
  ArrowLeft: step(-1), ArrowUp: step(-1), ArrowRight: step(1), ArrowDown: step(1), Home: () => show(0), End: () => show(Infinity),
  g: nextGround, o: () => setMode("object"), b: () => setMode("background"), v: () => setMode("compare"), Escape: () => setMode("compare"),
  "[": () => resize(-5), "]": () => resize(5), "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), l: lookClosely,
  u: () => { if (!byId("undo").disabled) undo(); }, Enter: () => { if (unsaved.has(current()?.name)) apply(current()); }, 0: () => pick(null),
};
document.addEventListener("keydown", (event) => {
  const field = event.target.closest?.("input");
  if (field && (field.type !== "range" || event.key.startsWith("Arrow"))) return;
  if (event.key === "Enter" && event.target.closest?.("button, a, summary")) return; // Enter presses what has the focus
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  const undoing = (event.ctrlKey || event.metaKey) && event.key === "z";
  const numbered = /^[1-9]$/.test(event.key) ? current()?.candidates[+event.key - 1] : null;
  const act = undoing ? KEYS.u : plain ? (numbered ? () => pick(numbered.name) : KEYS[event.key] ?? KEYS[event.key.toLowerCase()]) : null;
  if (!act || !current()) return;
  event.preventDefault();
  act();
});
byId("previous").onclick = step(-1);
byId("next").onclick = step(1);
byId("search").oninput = (event) => { view.search = event.target.value; refilter(); };

connect().then(() => {
  setGround(view.ground);
  drawSaved();
  refilter();
  document.documentElement.dataset.ready = server.there ? "server" : "file";
});
