// Whoever clicked the link in the mail has decided already: the first movement of the hand sends the form.
// A program that only loads the page has no hand. So not on load, not by a timer, not for an event made by a
// script (isTrusted), and not for keys that only read on, like Tab. Without this script the button does it.

const form = document.querySelector("form[data-first-input]");
const kinds = ["pointermove", "pointerdown", "touchstart", "keydown"];
let sent = false;

function isAct(event) {
  if (!event.isTrusted) return false;
  // Enter on the button or a link means that one; so does a finger on a link.
  if (event.type === "keydown") return (event.key === "Enter" || event.key === " ") && !event.target.closest("a, button");
  return event.pointerType === "mouse" || !event.target.closest("a");
}

function act(event) {
  if (!sent && isAct(event)) form.requestSubmit();
}

form.addEventListener("submit", (event) => {
  if (sent) event.preventDefault(); // the click that follows the movement must not send it again
  sent = true;
});
// Back from the next page, and the browser had kept this one: the button works again.
addEventListener("pageshow", (event) => {
  if (event.persisted) sent = false;
});
for (const kind of kinds) addEventListener(kind, act, { passive: true });
