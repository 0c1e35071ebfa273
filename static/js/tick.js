// A tick that did not arrive says so, and goes on saying so until the item is what was wanted or somebody tries again.
// It is not sent later by itself: by then it may be untrue. Forms: <form data-tick> inside of <li id="item-12" data-state="open">.
(() => {
  const lost = new Map(); // id of the item: {words, was}
  const slow = new Map(); // form: timer

  const clock = () => new Date().toLocaleTimeString("en-GB");
  const itemOf = (event) => {
    const source = event.detail?.ctx?.sourceElement ?? event.target;
    return source instanceof Element && source.closest?.("form[data-tick]") ? source.closest(".lg-item") : null;
  };

  function say(item, words) {
    item.classList.toggle("lg-item-lost", Boolean(words));
    const place = item.querySelector("[data-tick-problem]");
    if (place && place.textContent !== words) place.textContent = words;
  }

  function show() {
    for (const [id, { words, was }] of lost) {
      const item = document.getElementById(id);
      if (!item) continue;
      if (item.dataset.state !== was) lost.delete(id);
      else say(item, words);
    }
  }

  function lose(item, words) {
    lost.set(item.id, { words, was: item.dataset.state });
    show();
  }

  document.addEventListener("htmx:before:request", (event) => {
    const item = itemOf(event);
    if (!item) return;
    lost.delete(item.id);
    say(item, "");
    clearTimeout(slow.get(item.id));
    slow.set(item.id, setTimeout(() => say(item, "Still on its way. It is not saved until the box changes."), 3000));
  });
  document.addEventListener("htmx:error", (event) => {
    const item = itemOf(event);
    if (item) lose(item, `Not saved: what you did at ${clock()} did not arrive. Try again when the connection is back.`);
  });
  document.addEventListener("htmx:response:error", (event) => {
    const item = itemOf(event), status = event.detail.ctx.response.status;
    if (item && status >= 500) lose(item, `Not saved: the console could not take it at ${clock()}. Try again.`);
  });
  document.addEventListener("htmx:finally:request", (event) => {
    const item = itemOf(event);
    if (item) clearTimeout(slow.get(item.id));
  });
  document.addEventListener("htmx:after:swap", show);
})();
