// Times count on by themselves: <time data-time="ago | clock | elapsed">. The clock in the top bar switches between UTC and local time.
(() => {
  const pad = (n) => String(n).padStart(2, "0");
  let local = localStorage.getItem("lastgood-times") === "local";

  function span(seconds) {
    for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
      if (seconds >= size) return `${Math.floor(seconds / size)}\u00a0${unit}`;
    }
    return `${Math.floor(seconds)}\u00a0s`;
  }

  function ago(moment) {
    const seconds = (Date.now() - moment) / 1000;
    return seconds < -1 ? `in ${span(-seconds)}` : `${span(Math.max(seconds, 0))} ago`;
  }

  function elapsed(moment) {
    const seconds = Math.max(0, Math.floor((Date.now() - moment) / 1000));
    const hours = Math.floor(seconds / 3600), rest = `${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
    return hours ? `${pad(hours)}:${rest}` : rest;
  }

  const zone = () => (local ? undefined : "UTC");
  const day = (moment) => moment.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: zone() });
  const hour = (moment) => moment.toLocaleTimeString("en-GB", { timeZone: zone() });
  const clock = (moment) => (day(moment) === day(new Date()) ? hour(moment) : `${day(moment)} ${hour(moment)}`);
  const words = { ago, elapsed, clock };

  function tick() {
    for (const time of document.querySelectorAll("time[data-time]")) {
      const moment = new Date(time.dateTime), text = words[time.dataset.time](moment);
      if (time.textContent !== text) time.textContent = text;
    }
    const now = document.querySelector("[data-clock]");
    if (!now) return;
    now.hidden = false;
    now.textContent = `${hour(new Date())} ${local ? "local" : "UTC"}`;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-clock]");
    if (!button) return;
    local = !local;
    localStorage.setItem("lastgood-times", local ? "local" : "UTC");
    button.setAttribute("aria-label", local ? "Show times in UTC" : "Show times in local time");
    tick();
  });
  document.addEventListener("DOMContentLoaded", tick);
  document.addEventListener("htmx:after:swap", tick);
  setInterval(tick, 1000);
})();
