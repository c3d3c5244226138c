// What the page knows: the records, what is shown of them, and what the person decided.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const records = data.records;
const choices = new Map(Object.entries(data.choices)); // name -> {picked, size, strokes}
const unsaved = new Set(); // names whose strokes were not re-solved yet
const view = { filter: "all", search: "", shown: [], index: 0, ground: "checker", split: 50, zoom: 1, mode: "compare" };
const GLYPHS = { good: "✓", check: "!", failed: "✕" };

function make(tag, { text, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) element.textContent = text; // never HTML: names come from strangers
  element.append(...children);
  return element;
}
const percent = (share) => `${(share * 100).toFixed(share < 0.0995 ? 2 : 1)} %`;
const current = () => view.shown[view.index];
const picture = (record, file) => `review/${record.id}/${file}${record.revision ? `?v=${record.revision}` : ""}`;
const pill = (status) => make("span", { className: `pill ${status}`, text: `${GLYPHS[status]} ${status}` });

function choiceOf(record) {
  return choices.get(record.name) ?? { picked: null, size: record.size, strokes: [] };
}
function decide(record, changes) {
  const choice = { ...choiceOf(record), ...changes };
  if (choice.picked === null && choice.strokes.length === 0) choices.delete(record.name);
  else choices.set(record.name, choice);
}
function choicesAsJson() {
  return JSON.stringify({ format: 1, choices: Object.fromEntries(choices) }, null, 1) + "\n";
}
const matches = {
  all: () => true,
  failed: (record) => record.status === "failed",
  check: (record) => record.status === "check",
  good: (record) => record.status === "good",
  changed: (record) => choices.has(record.name),
};
