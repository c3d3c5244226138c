// The stage: photo and cutout with a slider between them, on a ground of choice, at any zoom.
const GROUNDS = { checker: "Checkerboard", white: "White", black: "Black", blue: "Blue", dim: "What was removed, dimmed" };
const stage = byId("stage"), sheet = byId("sheet");

function fitSheet() {
  const record = current();
  if (!record?.size) return;
  const [width, height] = record.size;
  const room = byId("entry").querySelector(".work").clientWidth - 2;
  const fit = Math.min(room / width, (window.innerHeight * (window.innerWidth <= 760 ? 0.6 : 0.74)) / height);
  sheet.style.width = `${Math.max(1, Math.round(width * fit * view.zoom))}px`;
  sheet.style.height = `${Math.max(1, Math.round(height * fit * view.zoom))}px`;
  byId("zoom-fit").textContent = `${+view.zoom.toFixed(1)}×`;
  drawStrokes();
}
function zoomTo(zoom, x = 0.5, y = 0.5) { // x, y: share of the picture to bring to the middle
  view.zoom = Math.min(16, Math.max(1, zoom));
  fitSheet();
  stage.scrollLeft = x * sheet.clientWidth - stage.clientWidth / 2;
  stage.scrollTop = y * sheet.clientHeight - stage.clientHeight / 2;
}
function zoomBy(factor) {
  const x = (stage.scrollLeft + stage.clientWidth / 2) / stage.scrollWidth;
  const y = (stage.scrollTop + stage.clientHeight / 2) / stage.scrollHeight;
  zoomTo(view.zoom * factor, x, y);
}
function lookClosely() {
  const record = current();
  if (!record?.place) return;
  const [x, y, width, height] = record.place, [W, H] = record.size;
  const wanted = 0.45 / Math.max(width / W, height / H);
  zoomTo(wanted, (x + width / 2) / W, (y + height / 2) / H);
  stage.scrollIntoView({ block: "nearest" });
}
function drawSplit() {
  const split = view.mode === "compare" ? view.split : 0;
  byId("after").style.clipPath = `inset(0 0 0 ${split}%)`;
  byId("handle").style.left = `${split}%`;
  byId("handle").hidden = view.mode !== "compare";
  byId("split").value = String(view.split);
}
function setGround(ground) {
  view.ground = ground;
  byId("after").className = `after ground-${ground}`;
  for (const button of byId("grounds").children) button.setAttribute("aria-pressed", String(button.dataset.ground === ground));
}
function markPlace(box, record) {
  box.hidden = !record.place;
  if (!record.place) return;
  const [x, y, width, height] = record.place, [W, H] = record.size;
  const edges = { left: x / W, top: y / H, width: width / W, height: height / H };
  for (const [side, share] of Object.entries(edges)) box.style[side] = `${share * 100}%`;
}
for (const [ground, title] of Object.entries(GROUNDS)) {
  const button = make("button", { type: "button", className: `ground-${ground}`, title: `${title} (key G: the next)` });
  button.setAttribute("aria-label", title);
  button.dataset.ground = ground;
  button.onclick = () => setGround(ground);
  byId("grounds").append(button);
}
function dragSplit(event) {
  const box = sheet.getBoundingClientRect();
  view.split = Math.round(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * 1000) / 10;
  drawSplit();
}
sheet.addEventListener("pointerdown", (event) => {
  if (view.mode !== "compare" || !event.isPrimary || event.button > 0) return;
  sheet.setPointerCapture(event.pointerId);
  dragSplit(event);
});
sheet.addEventListener("pointermove", (event) => {
  if (view.mode === "compare" && sheet.hasPointerCapture(event.pointerId)) dragSplit(event);
});
byId("split").oninput = (event) => { view.split = +event.target.value; drawSplit(); };
byId("zoom-in").onclick = () => zoomBy(1.5);
byId("zoom-out").onclick = () => zoomBy(1 / 1.5);
byId("zoom-fit").onclick = () => zoomTo(1);
byId("look").onclick = lookClosely;
stage.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2);
}, { passive: false });
window.addEventListener("resize", fitSheet);
