// Comes with the form only while many sign-ups arrive: a worker solves the challenge while the person types, and the
// form is sent when both are done. Whatever fails here, the form is sent all the same, without a proof.

const form = document.querySelector("form[data-challenge]");
const wait = document.getElementById("work");
let work, done = false, waiting = false;

async function solve() {
  const worker = new Worker(new URL("solve.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.addEventListener("message", ({ data }) => resolve(data));
    worker.addEventListener("error", reject);
    worker.postMessage(JSON.parse(form.dataset.challenge));
  });
}

async function start() {
  form.elements.proof.value = await solve().catch(() => "");
  done = true;
}

form.addEventListener("focusin", () => { work ??= start(); });
form.addEventListener("submit", async (event) => {
  if (done) return;
  event.preventDefault();
  if (waiting) return;
  waiting = true;
  wait.hidden = false;
  await (work ??= start());
  setTimeout(() => form.requestSubmit()); // not within this very event: there it would be ignored
});
// Back from the next page: the proof was good once, and the form asks the server for another by being sent.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
