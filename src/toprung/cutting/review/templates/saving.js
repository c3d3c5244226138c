// Where decisions go: to the server that re-solves, or, opened as a file, into this browser and a downloaded file.
const server = { there: false };
const storageKey = `toprung-review:${location.pathname}`;

function say(text, wrong = false) {
  byId("notice").textContent = text;
  byId("notice").classList.toggle("wrong", wrong);
  byId("notice").hidden = text === "";
}
function drawSaved() {
  const count = choices.size === 1 ? "1 photo changed" : `${choices.size} photos changed`;
  byId("saved").textContent = choices.size === 0 ? "" : server.there ? `${count}, in choices.json` : count;
  byId("download").hidden = server.there;
  byId("download").disabled = choices.size === 0;
}
function remember() {
  drawSaved();
  if (server.there) return;
  try { localStorage.setItem(storageKey, choicesAsJson()); } catch { /* private window: the download is still there */ }
}
async function apply(record) { // one photo's decision: saved, re-solved, its new pictures shown
  if (!record || !record.size) return;
  if (!server.there) {
    unsaved.delete(record.name);
    remember();
    if (current() === record) drawEntry();
    redrawRow(record);
    return;
  }
  byId("busy").textContent = "Re-solving…";
  byId("busy").hidden = false;
  const sent = choiceOf(record);
  try {
    const response = await fetch("api/choice", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: record.name, ...sent }),
    });
    const answer = await response.json();
    if (answer.error) throw new Error(answer.error);
    Object.assign(record, answer.record);
    if (choiceOf(record).strokes.length === sent.strokes.length) unsaved.delete(record.name);
    say("");
  } catch (error) {
    say(error instanceof TypeError ? "The server does not answer: start it again, then re-solve." : error.message, true);
  } finally {
    byId("busy").hidden = true;
    redrawRow(record);
    drawSaved();
    if (current() === record) drawEntry();
  }
}
byId("download").onclick = () => {
  const address = URL.createObjectURL(new Blob([choicesAsJson()], { type: "application/json" }));
  const link = make("a", { href: address, download: "choices.json" });
  document.body.append(link); // Firefox follows only links that are on the page
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
};
window.addEventListener("beforeunload", (event) => { if (server.there && unsaved.size) event.preventDefault(); });

async function connect() {
  try {
    const response = location.protocol.startsWith("http") ? await fetch("api/state") : null;
    const answer = response?.ok ? await response.json() : null;
    if (answer?.server === "toprung review") {
      server.there = true;
      choices.clear();
      for (const [name, choice] of Object.entries(answer.choices)) choices.set(name, choice);
      return;
    }
  } catch { /* no server of ours */ }
  try {
    const kept = JSON.parse(localStorage.getItem(storageKey) ?? "null");
    for (const [name, choice] of Object.entries(kept?.choices ?? {})) choices.set(name, choice);
  } catch { /* nothing kept */ }
  say(
    "This page is open as a file: picks and strokes stay in this browser until you save choices.json. To have them " +
    "re-solved, repeat the toprung cutout command with --choices choices.json, or with --review to decide and see at once.",
  );
}
