// One key for the thing that carries it (data-key="d"): a link is followed, a field is focused. Never while somebody types.
// Ctrl Enter in a field with data-send sends its form.
// Keys of one letter can be turned off (WCAG 2.1.4): [data-keys] holds the button, its own words and those of the other state.
const keys = () => localStorage.getItem("lastgood-keys") !== "off";
document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll("[data-keys]")) {
    const button = box.querySelector("button");
    const show = () => { button.textContent = keys() ? "Turn the keys off" : "Turn the keys on"; };
    button.addEventListener("click", () => { localStorage.setItem("lastgood-keys", keys() ? "off" : "on"); show(); });
    box.hidden = false;
    show();
  }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing && typing.matches("[data-send]") && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return typing.form.requestSubmit();
  }
  if (!keys() || typing || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
  const wanted = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("a, button")) wanted.click();
  else wanted.focus();
});
