// A live piece that gets no answer shows what is not true any more. That is no error of the page, so htmx hears of it as of a fetch that
// was given up; live.js says it in the banner, and everything is fetched again when the console answers.
(() => {
  async function ask(...request) {
    try {
      const answer = await fetch(...request), text = await answer.text();
      answer.text = async () => text; // read to its end here: it may break off on the way
      return answer;
    } catch (cause) {
      if (cause.name !== "AbortError") document.dispatchEvent(new Event("lg:unanswered"));
      throw new DOMException(cause.message, "AbortError");
    }
  }

  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => { if (ctx.sourceElement.matches("[data-live]")) ctx.fetch = ask; });
})();
