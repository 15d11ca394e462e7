/*
 * Runs in every page that the sandbox shows inside a site's frame. It speaks with the embedding page only: with the
 * origin that the server wrote into the document, and with no other window than the parent.
 *
 * The page waits for it: a button that is seen is one that is listened to, however long this script takes to come.
 */
(function () {
  "use strict";

  const embedder = document.documentElement.dataset.embedder;
  const framed = window.parent !== window;

  function say(kind, details) {
    if (framed && embedder) {
      window.parent.postMessage({ plenigoSandbox: kind, ...details }, embedder);
    }
  }

  function sayOutcome(kind) {
    say(kind, JSON.parse(document.body.dataset.outcome));
  }

  function sayHeight() {
    say("shown", { height: Math.ceil(document.body.getBoundingClientRect().height) });
  }

  /* Say a word once more soon after loading: the embedding page takes silence after the load for a failure. */
  function afterLoad(speak) {
    window.addEventListener("load", () => window.setTimeout(speak, 200));
  }

  /* The first page is empty: it asks for what to show and sends that on, in a body and not in an address. */
  function open(form) {
    window.addEventListener("message", (event) => {
      if (event.source !== window.parent || event.origin !== embedder || !event.data) {
        return;
      }
      if (event.data.plenigoSandbox === "open" && !form.dataset.sent) {
        form.dataset.sent = "true";
        for (const [name, value] of Object.entries(event.data.fields)) {
          const field = document.createElement("input");
          field.type = "hidden";
          field.name = name;
          field.value = value;
          form.append(field);
        }
        HTMLFormElement.prototype.submit.call(form); // a field may be called "submit"
      }
    });
    say("ready");
    afterLoad(() => say("busy"));
  }

  // Listened to at the document, from the first moment on: what the page shows of itself can be pressed at once.
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-cancel]")) {
      say("cancelled");
    } else if (event.target.closest("[data-complete]")) {
      sayOutcome("completed");
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      say("cancelled");
    }
  });
  // A second click while the first one is on its way must not pay twice. The server makes sure as well.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
    }
    form.dataset.sent = "true";
    form.setAttribute("aria-busy", "true");
  });

  /* The page is whole: tell the embedding page what it is and what has come of it. */
  function begin() {
    const body = document.body;
    const opening = document.querySelector("form[data-opening]");
    if (opening) {
      open(opening);
      return;
    }

    // The back button brings a page back as it was left: let it be sent again.
    window.addEventListener("pageshow", () => {
      document.querySelectorAll("form").forEach((form) => {
        delete form.dataset.sent;
        form.removeAttribute("aria-busy");
      });
    });
    const first = document.querySelector("[data-focus]");
    if (first && framed) {
      first.focus();
    }
    new ResizeObserver(sayHeight).observe(body);
    afterLoad(sayHeight);
    if (body.dataset.page) {
      say("page", { name: body.dataset.page });
    }
    const wayBack = document.querySelector("a[data-leave]");
    if (wayBack) {
      window.location.replace(wayBack.href);
    }
    // What the script is told while the page stays: a payment has failed, or the page cannot go on.
    const happened = document.querySelector("[data-event]");
    if (happened) {
      say(happened.dataset.event, { sentence: happened.textContent });
    }
    if (body.dataset.outcome) {
      // With a button the customer reads first; whoever closes the layer instead has bought all the same.
      sayOutcome(document.querySelector("[data-complete]") ? "settled" : "completed");
    }
  }

  document.addEventListener("DOMContentLoaded", begin);
})();
