// Staff pages work without this; it saves clicks. No library, no inline handler.

const TYPING_PAUSE_MS = 350;
const PROGRESS_EVERY_MS = 1500;

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = button.parentElement.querySelector("input, textarea");
    field.select();
    await navigator.clipboard.writeText(field.value);
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

for (const form of document.querySelectorAll("[data-autosubmit]")) {
  form.addEventListener("change", () => form.requestSubmit());
}

document.getElementById("errors")?.focus();

// Leaving a form with unsaved text asks first.
for (const form of document.querySelectorAll("[data-unsaved]")) {
  const note = form.querySelector("[data-saved-note]");
  const ask = (event) => event.preventDefault();
  form.addEventListener("input", (event) => {
    if (event.target.closest(".preview-controls")) return;
    if (note) note.textContent = note.dataset.unsavedText;
    addEventListener("beforeunload", ask);
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.formTarget !== "preview") removeEventListener("beforeunload", ask);
  });
}

// The preview: the form itself is posted into a frame of its own. A fresh frame each time leaves no trace
// in the browser's history, and is shown only when it is there, so that nothing flickers.
const refresh = document.querySelector("[data-preview-button]");
if (refresh) {
  const box = document.querySelector(".preview");
  const form = refresh.form;
  let shown = box.querySelector("iframe");
  let timer;

  const load = () => {
    for (const late of box.querySelectorAll(".coming")) late.remove();
    const coming = shown.cloneNode();
    coming.removeAttribute("src");
    coming.className = "coming";
    shown.name = "";
    coming.name = "preview";
    box.append(coming);
    coming.addEventListener("load", () => {
      if (coming.contentDocument?.location.href === "about:blank") return;
      const place = shown.contentWindow.scrollY;
      shown.remove();
      shown = coming;
      coming.className = "";
      coming.contentWindow.scrollTo(0, place);
    });
    form.requestSubmit(refresh);
  };
  const soon = () => { clearTimeout(timer); timer = setTimeout(load, TYPING_PAUSE_MS); };

  refresh.hidden = true;
  form.addEventListener("input", (event) => {
    if (event.target.name === "width") return;
    const mirror = document.querySelector(`[data-mirror="${event.target.name}"]`);
    if (mirror) mirror.textContent = event.target.value || mirror.dataset.empty || "";
    soon();
  });
  if (box.dataset.preview) load();
}

// The progress of a sending: the moving part is asked for again and again; when the state changes the page is.
const live = document.querySelector("[data-live]");
if (live) {
  document.querySelector("[data-without-script]")?.remove();
  const state = live.querySelector("#progress").dataset.state;
  const look = async () => {
    try {
      const answer = await fetch(live.dataset.live, { headers: { Accept: "text/html" } });
      if (answer.redirected) return location.reload();
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("progress");
        if (fresh.dataset.state !== state) return location.reload();
        live.replaceChildren(fresh);
      }
    } catch {
      // The network is away for a moment: the next look may find it again.
    }
    setTimeout(look, PROGRESS_EVERY_MS);
  };
  setTimeout(look, PROGRESS_EVERY_MS);
}
