// The brush: strokes are polylines with a radius in pixels of the photo, pixel centres at whole numbers.
const brush = { size: 50, stroke: null };
const COLOURS = { object: "#18b46b", background: "#e5484d" };

function radius() { // of the photo; the slider goes from one pixel to an eighth of the longer side, evenly in ratio
  const most = Math.max(4, Math.max(...(current()?.size ?? [64])) / 8);
  return 1 * (most / 1) ** (brush.size / 100);
}
const scale = () => sheet.clientWidth / current().size[0]; // screen pixels per photo pixel

function setMode(mode) {
  if (mode !== "compare" && !current()?.size) return;
  view.mode = mode;
  for (const button of byId("modes").children) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  sheet.classList.toggle("brush", mode !== "compare");
  byId("compare-tools").hidden = mode !== "compare";
  byId("brush-tools").hidden = mode === "compare";
  byId("strokes").hidden = mode === "compare";
  byId("cursor").hidden = true;
  drawSplit();
  drawBrush();
  drawStrokes();
}
function drawBrush() {
  if (!current()?.size) return;
  byId("size").value = String(brush.size);
  byId("size-shown").textContent = `${(2 * radius()).toFixed(radius() < 5 ? 1 : 0)} px`;
  const diameter = `${2 * radius() * scale()}px`;
  Object.assign(byId("cursor").style, { width: diameter, height: diameter, background: `${COLOURS[view.mode] ?? "#000"}55` });
  const none = choiceOf(current()).strokes.length === 0;
  byId("undo").disabled = byId("clear").disabled = none;
  byId("resolve").hidden = !server.there;
  byId("resolve").disabled = !unsaved.has(current().name);
}
function drawStrokes() {
  const canvas = byId("strokes");
  if (!current()?.size || canvas.hidden) return;
  const dense = Math.min(window.devicePixelRatio || 1, 4096 / Math.max(sheet.clientWidth, sheet.clientHeight));
  canvas.width = Math.round(sheet.clientWidth * dense);
  canvas.height = Math.round(sheet.clientHeight * dense);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale() * dense, 0, 0, scale() * dense, scale() * dense / 2, scale() * dense / 2);
  pen.lineCap = pen.lineJoin = "round";
  for (const stroke of [...choiceOf(current()).strokes, ...(brush.stroke ? [brush.stroke] : [])]) {
    pen.strokeStyle = COLOURS[stroke.kind];
    pen.lineWidth = 2 * stroke.radius;
    pen.beginPath();
    pen.moveTo(...stroke.points[0]);
    for (const point of stroke.points) pen.lineTo(...point);
    pen.stroke();
  }
}
function position(event) {
  const box = sheet.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top].map((p) => Math.round((p / scale() - 0.5) * 100) / 100);
}
function extend(event) {
  const point = position(event), last = brush.stroke.points.at(-1);
  if (last && Math.hypot(point[0] - last[0], point[1] - last[1]) * scale() < 1.5) return;
  brush.stroke.points.push(point);
}
function strokesChanged(strokes) {
  const record = current();
  decide(record, { strokes });
  unsaved.add(record.name);
  redrawRow(record);
  drawStrokes();
  drawBrush();
  remember();
}
sheet.addEventListener("pointerdown", (event) => {
  if (view.mode === "compare" || event.button > 0) return;
  if (!event.isPrimary) { brush.stroke = null; drawStrokes(); return; } // a second finger: zoom, do not paint
  sheet.setPointerCapture(event.pointerId);
  brush.stroke = { kind: view.mode, radius: Math.round(radius() * 100) / 100, points: [] };
  extend(event);
  drawStrokes();
});
sheet.addEventListener("pointermove", (event) => {
  if (view.mode === "compare" || !current()?.size) return;
  const box = sheet.getBoundingClientRect();
  const cursor = byId("cursor");
  cursor.hidden = event.pointerType === "touch";
  Object.assign(cursor.style, { left: `${event.clientX - box.left}px`, top: `${event.clientY - box.top}px` });
  if (!brush.stroke || !event.isPrimary) return;
  for (const step of event.getCoalescedEvents?.() ?? [event]) extend(step);
  drawStrokes();
});
sheet.addEventListener("pointerup", (event) => {
  if (!brush.stroke || !event.isPrimary) return;
  const stroke = brush.stroke;
  brush.stroke = null;
  strokesChanged([...choiceOf(current()).strokes, stroke]);
});
sheet.addEventListener("pointercancel", () => { brush.stroke = null; drawStrokes(); });
sheet.addEventListener("pointerleave", () => { byId("cursor").hidden = true; });
const undo = () => strokesChanged(choiceOf(current()).strokes.slice(0, -1));
function resize(steps) { brush.size = Math.min(100, Math.max(0, brush.size + steps)); drawBrush(); }
for (const button of byId("modes").children) button.onclick = () => setMode(button.dataset.mode);
byId("size").oninput = (event) => { brush.size = +event.target.value; drawBrush(); };
byId("undo").onclick = undo;
byId("clear").onclick = () => strokesChanged([]);
byId("resolve").onclick = () => apply(current());
