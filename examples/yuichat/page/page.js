// Uploads a file, and looks at its document until its questions are there.
"use strict";

const SHOWN = 20; // of the documents that are there when the page opens
const PAUSE = 1000; // ms between two looks
const LONG_PAUSE = 3000; // where something failed, which the queue tries again
const WAYS = {
  "scheduled": "Uploaded. A task will make its questions in a few seconds.",
  "ran now": "Uploaded. Its questions were made at once.",
  "uncertain": "Uploaded. Whether a task will make its questions is not known yet.",
};
const STATES = {
  pending: () => "Waiting for its task",
  generating: document => document.tries > 1 ? `Making questions, try ${document.tries}` : "Making questions",
  ready: () => "Ready",
  failed: document => `Failed: ${document.error}`,
};

const form = document.getElementById("upload");
const said = document.getElementById("said");
const list = document.getElementById("documents");

form.addEventListener("submit", async event => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  tell("Uploading…");
  try {
    const uploaded = await call("api/upload", { method: "POST", body: new FormData(form) });
    tell(WAYS[uploaded.way] ?? `Uploaded (${uploaded.way}).`);
    form.reset();
    await watch(uploaded.document_id);
  } catch (error) {
    tell(error.message, true);
  } finally {
    button.disabled = false;
  }
});

async function call(path, options) {
  const answer = await fetch(path, options).catch(() => { throw new Error("The server could not be reached."); });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  throw new Error(typeof body.detail === "string" ? body.detail : `The server answered ${answer.status}.`);
}

function tell(text, wrong = false) {
  said.textContent = text;
  said.classList.toggle("wrong", wrong);
}

// Shows a document now, and again and again until it is ready.
async function watch(id) {
  const found = await call(`api/documents/${id}`);
  show(found);
  const { status } = found.document;
  if (status !== "ready") setTimeout(watchAgain, status === "failed" ? LONG_PAUSE : PAUSE, id);
}

async function watchAgain(id) {
  await watch(id).catch(() => setTimeout(watchAgain, LONG_PAUSE, id));
}

function show({ document: found, questions }) {
  const id = `document-${found.id}`;
  const item = document.getElementById(id) ?? list.insertBefore(element("li"), olderThan(found.id));
  item.id = id;
  item.dataset.number = found.id;
  item.dataset.status = found.status;
  const status = element("p", STATES[found.status](found), "status");
  item.replaceChildren(element("h3", found.name), status, asked(found, questions));
  document.getElementById("none").hidden = true;
}

function olderThan(id) {
  return [...list.children].find(item => Number(item.dataset.number) < id) ?? null;
}

function asked(found, questions) {
  if (found.status !== "ready") return "";
  if (!questions.length) return element("p", "No question could be made from this text.");
  const all = element("ol");
  for (const question of questions) {
    const details = element("details");
    details.append(element("summary", "Answer"), element("p", question.answer), element("blockquote", question.sentence));
    const item = element("li", question.text);
    item.append(details);
    all.append(item);
  }
  return all;
}

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

call("api/documents")
  .then(found => Promise.all(found.slice(0, SHOWN).map(each => watchAgain(each.id))))
  .catch(error => tell(error.message, true));
