// Follows an import on its page: looks at the page again every now and then, and shows how far the file has come.
// Without it, the page has a link to look again. No inline code, no style attributes, nothing stored.
(() => {
  "use strict";

  const SECONDS = 2;

  const part = (page, name) => page.querySelector(`[data-import="${name}"]`);

  async function look() {
    // Where nobody looks, nothing is asked.
    const page = document.hidden ? document : await ask();
    const progress = part(page, "progress");
    if (progress === null) {
      window.location.reload(); // it has come to an end, or wants a new log-in
      return;
    }
    if (page !== document) {
      part(document, "progress").replaceChildren(...progress.childNodes);
      // Screen readers read out what is set anew, so only what has changed.
      const said = part(document, "said");
      const saying = part(page, "said").textContent;
      if (said.textContent !== saying) {
        said.textContent = saying;
      }
    }
    setTimeout(look, SECONDS * 1000);
  }

  // The page as it is now; as it is here where the site does not answer.
  async function ask() {
    try {
      const answer = await fetch(window.location.href);
      return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : document;
    } catch {
      return document;
    }
  }

  setTimeout(look, SECONDS * 1000);
})();
