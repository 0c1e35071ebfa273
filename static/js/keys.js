// One key for the thing that carries it (data-key="d"): a link is followed, a field is focused. Never while somebody types.
// Ctrl Enter in a field with data-send sends its form.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing && typing.matches("[data-send]") && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return typing.form.requestSubmit();
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
  const wanted = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("a, button")) wanted.click();
  else wanted.focus();
});
