// The page of `toprung align --web`: pairs of points, the transform that they support, and how it looks.

import { Compare, apply, inverted } from "./compare.js";
import { PhotoView } from "./photo_view.js";
import { showTable } from "./table.js";

const $ = (name) => document.getElementById(name);
const SIDES = ["plate", "photo"];
const state = { pairs: [], nextId: 1, chosen: null, fit: null, source: "pairs", past: [], unsaved: false, asking: false, stale: false, phase: 0, trouble: "" };
const views = {};
let start, compare;

const started = begin().catch((error) => problem(`The page could not load: ${error.message}`));

async function begin() {
  start = await ask("/start");
  const images = await Promise.all(SIDES.map(async (side) => {
    const image = new Image();
    image.src = `/picture/${side}`;
    await image.decode();
    return image;
  }));
  $("files").textContent = `${start.plate.name} is laid over ${start.photo.name}`;
  SIDES.forEach((side, i) => {
    document.querySelector(`#${side} .size`).textContent = `${start[side].name} · ${start[side].width} × ${start[side].height}`;
    document.querySelector(`#${side} .stage`).setAttribute("aria-label", side === "plate" ? "Plate" : "Photo");
    views[side] = new PhotoView($(side), start[side], `/picture/${side}`, images[i], {
      place: (x, y) => placed(side, [x, y]),
      move: (id, x, y, first) => moved(side, id, [x, y], first),
      remove: removed,
      choose: chosen,
    });
  });
  compare = new Compare($("canvas"), start.plate, start.photo, ...images);
  state.pairs = start.pairs.map(([a, b, c, d]) => ({ id: state.nextId++, plate: [a, b], photo: [c, d] }));
  state.source = start.automatic && !state.pairs.length ? "automatic" : "pairs";
  $("sources").hidden = !start.automatic;
  $("seed").hidden = !start.automatic;
  if (state.pairs.length) await refit();
  show();
}

// changes --------------------------------------------------------------------
const open = () => state.pairs.find((pair) => !pair.plate || !pair.photo);
const whole = () => state.pairs.filter((pair) => pair.plate && pair.photo);
const other = (side) => SIDES[1 - SIDES.indexOf(side)];
const rounded = (at) => at.map((value) => Math.round(value * 100) / 100);

function remember() {
  state.past.push(JSON.stringify(state.pairs));
  if (state.past.length > 200) state.past.shift();
  $("saved").hidden = true;
}

function changed() {
  if (whole().length) state.source = "pairs";
  state.unsaved = true;
  show();
  refit();
}

function placed(side, at) {
  remember();
  const half = open();
  if (half) half[side] = rounded(at);
  else state.pairs.push({ id: state.nextId++, plate: null, photo: null, [side]: rounded(at) });
  state.chosen = (half ?? state.pairs.at(-1)).id;
  changed();
}

function moved(side, id, at, first) {
  if (first) remember();
  state.pairs.find((pair) => pair.id === id)[side] = rounded(at);
  changed();
}

function removed(id) {
  remember();
  state.pairs = state.pairs.filter((pair) => pair.id !== id);
  changed();
}

function chosen(id) {
  if (state.chosen === id) return;
  state.chosen = id;
  show();
}

function undo() {
  if (!state.past.length) return;
  state.pairs = JSON.parse(state.past.pop());
  changed();
}

function takeGuess() {
  const half = open(), side = half && (half.plate ? "photo" : "plate"), at = half && guess(half);
  if (at) placed(side, views[side].kept(at));
}

function guess(half) {
  const matrix = transform()?.matrix;
  if (!matrix) return null;
  const at = half.plate ? apply(matrix, half.plate) : apply(inverted(matrix), half.photo);
  return views[half.plate ? "photo" : "plate"].inside(at) ? at : null;
}

function seed() {
  remember();
  const { width, height } = start.plate;
  for (const [across, down] of [[0.12, 0.12], [0.88, 0.12], [0.88, 0.88], [0.12, 0.88]]) {
    const plate = rounded([across * (width - 1), down * (height - 1)]), photo = rounded(apply(start.automatic.matrix, plate));
    if (views.photo.inside(photo)) state.pairs.push({ id: state.nextId++, plate, photo });
  }
  changed();
}

// the transform --------------------------------------------------------------
// One question at a time: a change that comes while the answer is awaited is asked when it is there.
async function refit() {
  state.stale = true;
  if (state.asking) return;
  state.asking = true;
  while (state.stale) {
    state.stale = false;
    const pairs = whole();
    let fit = null, trouble = "";
    try {
      if (pairs.length) fit = await ask("/fit", { pairs: pairs.map((pair) => [...pair.plate, ...pair.photo]) });
    } catch (error) {
      trouble = error.message;
    }
    if (fit) fit.of = new Map(pairs.map((pair, i) => [pair.id, { error: fit.errors[i], agrees: fit.agreeing[i] }]));
    Object.assign(state, { fit, trouble });
    show();
  }
  state.asking = false;
}

function transform() {
  if (state.source === "automatic") return start.automatic;
  return state.fit?.matrix ? state.fit : null;
}

async function save() {
  const pairs = state.source === "automatic" ? [] : whole();
  $("save").disabled = true;
  $("save").textContent = "Saving …";
  Object.assign($("saved"), { hidden: true, textContent: "" });
  try {
    const saved = await ask("/save", { pairs: pairs.map((pair) => [...pair.plate, ...pair.photo]) });
    state.unsaved = false;
    $("saved").textContent = `Saved ${saved.written.join(" and ")}.`;
    $("saved").hidden = false;
  } catch (error) {
    state.trouble = error.message;
    show();
  }
  $("save").textContent = "Save transform";
  $("save").disabled = !transform();
}

async function ask(path, body) {
  const options = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let reply;
  try { reply = await fetch(path, options); } catch { throw new Error("toprung does not answer: was it stopped in the terminal?"); }
  const content = await reply.json();
  if (!reply.ok) throw new Error(content.error);
  return content;
}

// what is seen ---------------------------------------------------------------
function problem(words) {
  $("problem").textContent = words;
  $("problem").hidden = !words;
}

function show() {
  const now = transform(), half = open(), fit = state.fit;
  const at = half && guess(half);
  for (const side of SIDES) {
    views[side].show(state.pairs.flatMap((pair, i) => pair[side] ? [mark(pair, i, side)] : []), half && !half[side] ? at : null);
    views[side].stage.classList.toggle("turn", Boolean(half && !half[side]));
  }
  const left = fit && !fit.problem ? fit.agreeing.filter((agrees) => !agrees).length : 0;
  $("model").textContent = now ? now.model : "none yet";
  $("expected").textContent = now?.expected != null ? `${digits(now.expected)} px` : "–";
  $("count").replaceChildren(String(whole().length), ...(left ? [small(` ${left} left out`)] : []));
  $("step").textContent = step(half, at);
  $("next").classList.toggle("half", Boolean(half));
  $("take").hidden = !at;
  problem(state.trouble || (state.source === "pairs" && fit?.problem ? `Not aligned: ${fit.problem}` : ""));
  $("undo").disabled = !state.past.length;
  $("save").disabled = !now;
  document.querySelectorAll("[name=source]").forEach((input) => { input.checked = input.value === state.source; });
  $("hint").textContent = hint();
  showTable($("pairs"), state, { moved, removed, chosen });
  if (now !== state.laid) {
    state.laid = now;
    const found = compare.lay(now);
    $("difference").replaceChildren(...(found ? [found.median.toFixed(2), small(" of 255")] : ["–"]));
    $("rms").textContent = found ? `Root mean square ${found.rms.toFixed(1)} of 255, with the object, which is in one photo only.` : "";
    $("nothing").hidden = Boolean(found);
  }
  paint();
}

function small(text) {
  const element = document.createElement("small");
  element.textContent = text;
  return element;
}

const digits = (value) => value < 10 ? value.toFixed(2) : value.toFixed(0);

function mark(pair, i, side) {
  const known = state.fit?.of.get(pair.id), half = !pair.plate || !pair.photo;
  const kind = half ? "half" : known && !known.agrees ? "wrong" : "";
  const error = known && !half ? `, error ${digits(known.error)} px` : "";
  const label = `Pair ${i + 1} on the ${side}, x ${pair[side][0]}, y ${pair[side][1]}${error}`;
  return { id: pair.id, number: i + 1, at: pair[side], kind: `${kind} ${pair.id === state.chosen ? "chosen" : ""}`, label };
}

function step(half, at) {
  const pairs = whole().length;
  if (half) {
    const side = half.plate ? "photo" : "plate";
    return `Now the same place on the ${side}${at ? ": the dashed ring is a guess" : ""}.`;
  }
  if (state.source === "automatic") return "This is the automatic alignment. Save it, or click pairs where it is off.";
  if (!pairs) return start.reason ? `Not aligned by itself (${start.reason}). Click a place on the plate that is also on the photo.` : "Click a place on the plate that is also on the photo.";
  if (pairs === 1) return "One pair gives a shift. Click a second, far from the first, for turn and scale.";
  if (pairs < 4) return "Click more pairs, far apart and not on the object: four or more, near the corners, are good.";
  return "More pairs make it better, most of all where there are none yet. Points that are off are red.";
}

function hint() {
  if (!state.pairs.length) return "No pairs yet. Things on the paper or table serve, and the paper's own edges; the object does not, as it is in one photo only.";
  const free = { translation: 1, similarity: 2, affine: 3, homography: 4 }[state.fit?.model];
  if (state.fit?.agreeing.filter(Boolean).length === free) return "So few pairs always meet the transform exactly, so their errors say nothing yet. One more checks them.";
  return state.fit ? `Noise of the clicks: about ${digits(state.fit.noise)} px. The error is how far a pair's photo point is from where the transform puts it.` : "";
}

function paint() {
  const mode = document.querySelector("[name=mode]:checked").value;
  for (const name of ["blend", "flicker", "residual"]) $(`control-${name}`).hidden = name !== mode;
  $("shown").textContent = state.phase ? "Plate" : "Photo";
  if (!state.laid) compare.show("photo");
  else if (mode === "flicker") compare.show(state.phase ? "plate" : "photo");
  else compare.show(mode, $("mix").value / 100);
}

let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches, timer;
function tick() {
  clearTimeout(timer);
  $("play").textContent = playing ? "Pause" : "Play";
  if (!playing) return;
  timer = setTimeout(() => {
    if (document.querySelector("[name=mode]:checked").value === "flicker") { state.phase = 1 - state.phase; paint(); }
    tick();
  }, 1000 / $("rate").value);
}

started.then(() => {
  if (!compare) return;
  document.querySelectorAll("[name=mode]").forEach((input) => input.addEventListener("change", paint));
  document.querySelectorAll("[name=source]").forEach((input) => input.addEventListener("change", () => { state.source = input.value; show(); }));
  $("mix").addEventListener("input", paint);
  $("rate").addEventListener("input", tick);
  $("play").addEventListener("click", () => { playing = !playing; tick(); });
  $("undo").addEventListener("click", undo);
  $("save").addEventListener("click", save);
  $("seed").addEventListener("click", seed);
  $("take").addEventListener("click", takeGuess);
  tick();
});
window.addEventListener("keydown", (event) => {
  if (!compare || event.target.matches("input[type=number]")) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "z") { event.preventDefault(); undo(); }
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (key === "g") takeGuess();
  else if (key === "escape" && open()) removed(open().id);
});
window.addEventListener("beforeunload", (event) => { if (state.unsaved && whole().length) event.preventDefault(); });
