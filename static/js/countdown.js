// The next update counts down on the clock of this page's start, not on the time of day: a wrong or moved clock changes nothing.
(() => {
  const seen = new WeakMap();
  const pad = (n) => String(n).padStart(2, "0");

  function words(left) {
    const seconds = Math.floor(Math.abs(left)), hours = Math.floor(seconds / 3600);
    const text = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
    return (hours ? `${pad(hours)}:` : "") + text + (left <= 0 ? " late" : "");
  }

  const mood = (left) => (left <= 0 ? "late" : left <= 180 ? "soon" : "calm");
  const said = { soon: "The next update is due within three minutes.", late: "The update is late.", calm: "" };

  function left(timer) {
    const told = timer.dataset.left, known = seen.get(timer);
    if (!known || known.told !== told) seen.set(timer, { told, at: performance.now() });
    return Number(told) - (performance.now() - seen.get(timer).at) / 1000;
  }

  function tick() {
    for (const timer of document.querySelectorAll("[data-due]")) {
      const now = left(timer), time = timer.querySelector("time"), next = mood(now);
      if (time.textContent !== words(now)) time.textContent = words(now);
      if (timer.dataset.mood === next) continue;
      timer.dataset.mood = next; // a screen reader hears the thresholds only
      timer.querySelector("[data-due-said]").textContent = said[next];
    }
  }

  document.addEventListener("DOMContentLoaded", tick);
  document.addEventListener("htmx:after:swap", tick);
  setInterval(tick, 1000);
})();
