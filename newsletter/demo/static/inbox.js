// Looks for new mail every two seconds while the page is seen; swaps the list only when it has changed.
const list = document.getElementById("mails");
let known = null;

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/mails", { headers: known ? { "If-None-Match": known } : {} });
    if (answer.status !== 200) return;
    known = answer.headers.get("ETag");
    const focused = document.activeElement?.getAttribute("href");
    list.innerHTML = await answer.text();
    if (focused) list.querySelector(`a[href="${focused}"]`)?.focus();
  } catch {
    // The demonstration has ended, or is starting again.
  }
}

look();
setInterval(look, 2000);
document.addEventListener("visibilitychange", look);
