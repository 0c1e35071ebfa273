// The public page: times in the reader's own zone, and the page fetches itself again every half minute while it is looked at.
(() => {
  const every = 30000;
  const options = {
    clock: { hour: "2-digit", minute: "2-digit", timeZoneName: "short" },
    moment: { day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZoneName: "short" },
    when: { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZoneName: "short" },
    day: { day: "numeric", month: "long", year: "numeric" },
  };

  function localise(root) {
    for (const time of root.querySelectorAll("time[data-time]")) {
      const moment = new Date(time.dateTime);
      time.title = moment.toUTCString();
      time.textContent = moment.toLocaleString("en-GB", options[time.dataset.time]);
    }
    for (const zone of root.querySelectorAll("[data-zone]")) zone.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const words of root.querySelectorAll("[data-updates]")) words.hidden = false;
  }

  // An answer that is not this page (a proxy's error, a sign-in) changes nothing: what is shown stays, with the time that it says.
  async function look() {
    const answer = await fetch(location.href, { cache: "no-cache" }).catch(() => null);
    if (!answer?.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    const main = document.getElementById("main");
    if (!fresh || fresh.dataset.asOf === main.dataset.asOf) return;
    if (main.contains(document.activeElement) && document.activeElement.matches("input")) return;
    localise(fresh);
    main.replaceWith(fresh);
  }

  localise(document);
  if (!document.querySelector("[data-preview]")) setInterval(() => { if (!document.hidden) look(); }, every);
})();
