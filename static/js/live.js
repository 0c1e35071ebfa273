// One stream for the page. It carries names ("run-12"); each piece whose data-live lists the name fetches itself again (hx-trigger="live").
// Closed while the tab is hidden; everything is fetched again on every (re)connection.
(() => {
  const quiet = 40000; // the server says something every 15 s
  let source, heard = 0, lastTrue = new Date(), watch, again;
  const pieces = (name) => document.querySelectorAll(name === "all" ? "[data-live]" : `[data-live~="${CSS.escape(name)}"]`);
  const refetch = (name) => pieces(name).forEach((piece) => htmx.trigger(piece, "live"));

  function show(state) {
    const words = { live: "Live", lost: "Reconnecting", stale: "Database away", crowded: "Reload to update", "signed-out": "Signed out" };
    const live = document.getElementById("live");
    if (!live) return;
    live.dataset.state = state === "live" ? "live" : "lost";
    live.querySelector("[data-live-words]").textContent = words[state];
    for (const banner of document.querySelectorAll("[data-banner]")) banner.hidden = banner.dataset.banner !== state;
    for (const time of document.querySelectorAll("[data-banner-since]")) time.textContent = lastTrue.toLocaleTimeString();
  }

  function hear(event) {
    heard = Date.now();
    const names = event.data.split(" ");
    if (names.includes("stale")) return show("stale");
    lastTrue = new Date();
    show("live");
    names.forEach(refetch);
  }

  function open() {
    close();
    source = new EventSource("/live");
    heard = Date.now();
    source.onopen = () => { heard = Date.now(); lastTrue = new Date(); show("live"); refetch("all"); };
    source.onmessage = hear;
    source.addEventListener("still", () => { heard = Date.now(); lastTrue = new Date(); });
    source.addEventListener("signed-out", () => { close(); show("signed-out"); });
    source.onerror = () => (source.readyState === EventSource.CLOSED ? ended() : show("lost"));
    watch = setInterval(() => { if (Date.now() - heard > quiet) { show("lost"); open(); } }, 5000);
  }

  // An answer that was no stream: the sign-in ended, or too many are open.
  async function ended() {
    close();
    const answer = await fetch("/live", { redirect: "manual" }).catch(() => null);
    answer?.body?.cancel();
    if (answer?.type === "opaqueredirect") return show("signed-out");
    if (answer?.status === 422) return show("crowded");
    unanswered();
  }

  function visible() { if (!document.hidden) open(); }
  function unanswered() { show("lost"); again ??= setTimeout(visible, 3000); }
  function close() { clearInterval(watch); clearTimeout(again); if (source) source.close(); source = again = undefined; }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  document.addEventListener("lg:unanswered", unanswered); // the stream may have outlived it, and tells each name once
  window.addEventListener("pagehide", close);
  window.addEventListener("offline", () => show("lost"));
  window.addEventListener("online", open);
  window.addEventListener("pageshow", visible);
})();
