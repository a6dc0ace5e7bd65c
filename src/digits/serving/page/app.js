/** The page of the model server: connects the drawing, the requests and what is shown. */

import { AnswerView, percent } from "/page/answer.js";
import { Drawing } from "/page/drawing.js";
import { Predictor, correct, getModel } from "/page/server.js";

const POLL_MS = 10_000;

const byId = (id) => document.getElementById(id);

const drawing = new Drawing(byId("drawing"));
const view = new AnswerView();
const predictor = new Predictor({ read: () => drawing.toBlob(), onAnswer, onError });

let model = null;
let retry = false; // whether the last prediction failed for a reason that can pass
let sending = false;

// ---- Status: one line. `about` is its subject; only a success of the same subject removes it.

function setStatus(about, text, kind = "note") {
  const status = byId("status");
  if (status.textContent !== text) status.textContent = text; // the same text again would be read out again
  Object.assign(status.dataset, { about, kind });
}

function showError(about, error) {
  setStatus(error.status === 0 ? "server" : about, error.message, "error");
}

function clearStatus(...subjects) {
  if (subjects.includes(byId("status").dataset.about)) setStatus("", "");
}

// ---- Predictions

function onAnswer(answer) {
  retry = false;
  clearStatus("server", "predict");
  view.show(answer);
  allowCorrection(true);
  if (model && answer.model.version !== model.version) refreshModel();
}

function onError(error) {
  retry = error.temporary ?? false;
  removeAnswer(); // the answer on the page would be that of an earlier picture
  showError("predict", error);
}

function removeAnswer() {
  view.clear();
  allowCorrection(false);
}

drawing.addEventListener("stroke", () => {
  clearStatus("correct");
  predictor.request();
});

drawing.addEventListener("replace", () => {
  predictor.cancel();
  retry = false;
  clearStatus("correct", "predict", "upload");
  byId("paper").classList.toggle("empty", drawing.empty);
  removeAnswer();
  if (!drawing.empty) predictor.request();
});

// ---- Tools

byId("undo").addEventListener("click", () => drawing.undo());
byId("clear").addEventListener("click", () => drawing.clear());

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z") {
    event.preventDefault();
    drawing.undo();
  } else if (event.key === "Escape" && event.target !== byId("correct-class")) {
    drawing.clear(); // in the list of classes, Escape closes that list
  }
});

byId("upload").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) drawing.showFile(file);
  event.target.value = ""; // so that the same file can be chosen again
});

document.addEventListener("paste", (event) => showFirstFile(event.clipboardData, "The clipboard holds no picture."));

// A file that is dropped beside the canvas would otherwise replace the page.
addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("paper").classList.add("drop");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) byId("paper").classList.remove("drop");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  byId("paper").classList.remove("drop");
  showFirstFile(event.dataTransfer, "Only picture files can be dropped here.");
});

function showFirstFile(transfer, complaint) {
  const [file] = transfer?.files ?? [];
  if (file) drawing.showFile(file);
  else setStatus("upload", complaint, "error");
}

// ---- Corrections

function allowCorrection(allowed) {
  byId("correct").disabled = byId("correct-class").disabled = !allowed;
}

byId("correction").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (sending) return;
  sending = true;
  try {
    const kept = await correct(drawing.toBlob(), byId("correct-class").value);
    setStatus("correct", `Thank you: kept in ${kept.file}`);
    byId("correct-class").value = ""; // the next picture is of another class
  } catch (error) {
    showError("correct", error);
  }
  sending = false;
});

function fillClassList(classes) {
  const select = byId("correct-class");
  const before = select.value;
  select.replaceChildren(new Option("choose", ""), ...classes.map((name) => new Option(name, name)));
  if (classes.includes(before)) select.value = before;
}

// ---- The model

async function refreshModel() {
  let next;
  try {
    next = await getModel();
  } catch (error) {
    showError("model", error);
    return;
  }
  clearStatus("server", "model");
  const before = model;
  model = next;
  const other = before?.name !== next.name || before?.version !== next.version;
  if (other) {
    showModel();
    if (before) setStatus("model", `A new model answers: ${next.name}, version ${next.version}.`);
  }
  if ((other || retry) && !drawing.empty) predictor.request();
}

function showModel() {
  view.setModel(model);
  fillClassList(model.classes);
  allowCorrection(false);
  byId("model-name").textContent = model.name;
  byId("model-version").textContent = model.version ?? "";
  byId("model-version").parentElement.hidden = model.version === null; // a file has none, and no run
  const accuracy = byId("model-accuracy");
  const known = typeof model.test_accuracy === "number";
  accuracy.parentElement.hidden = !known;
  accuracy.textContent = known ? percent(model.test_accuracy, 2) : "";
  const run = byId("model-run");
  run.textContent = model.run_name || model.run || "";
  run.parentElement.hidden = model.run === null;
  if (/^https?:/.test(model.run_url ?? "")) run.href = model.run_url;
  else run.removeAttribute("href");
}

setInterval(() => {
  if (!document.hidden) refreshModel();
}, POLL_MS);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refreshModel();
});

byId("paper").classList.add("empty");
refreshModel();
