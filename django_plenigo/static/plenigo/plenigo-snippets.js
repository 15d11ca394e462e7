// Shows the snippets of API v2's self service in the elements that {% plenigo_snippet %} prints.
// Each needs a login token of its own, which works once and for minutes. So none stands in the page: as the reader comes
// to see the first of them, tokens for all are minted in one call, and each is used at once.
(() => {
  "use strict";
  const ours = window.djangoPlenigo;
  if (!ours || ours.showSnippets) {
    return; // the script stands in the page twice
  }
  const { Refusal, settings, endSession, isRecent, onBlockedFrame, page } = ours.parts;
  const { send, sentence, show, vendorScript } = ours.parts;

  const WAITING = "[data-plenigo-snippet]:not([data-plenigo-started])";
  // That one call mints.
  const MOST_TOKENS = 10;
  const UNAUTHORIZED = 401;
  // Another try may end otherwise: nothing was understood, or it is said so.
  const PASSING = [0, 429, 503];

  const shown = new Map(); // when, by the element
  let failed = []; // what another try may show
  let count = 0;

  // ---- what the reader is told -------------------------------------------------------------------------------

  // Say a sentence in the element's live region, and give what can be done: `{label, run}` or `{label, href}`.
  function tell(element, text, action) {
    const region = element.querySelector(".plenigo-message");
    if (region.contains(document.activeElement)) {
      region.tabIndex = -1;
      region.focus(); // the button that was pressed goes, and the reader's place in the page with it
    }
    show(region, text);
    if (!action) {
      return;
    }
    const control = document.createElement(action.href ? "a" : "button");
    control.textContent = action.label;
    if (action.href) {
      control.href = action.href;
    } else {
      control.type = "button";
      control.className = "plenigo-button";
      control.addEventListener("click", action.run);
    }
    region.append(" ", control);
  }

  function fail(elements, error) {
    const text = sentence(error, settings.messageSelfServiceFailed);
    const mayPass = !(error instanceof Refusal) || !error.message || PASSING.includes(error.status);
    if (!(error instanceof Refusal)) {
      console.error(error);
    }
    for (const element of elements) {
      tell(element, text, mayPass ? { label: settings.labelTryAgain, run: tryAgain } : null);
    }
    failed.push(...(mayPass ? elements : []));
  }

  // All of them, since they share their call.
  function tryAgain() {
    const elements = failed;
    failed = [];
    showAll(elements);
  }

  function askToLogIn(elements, href) {
    for (const element of elements) {
      tell(element, settings.messageLogIn, { label: settings.labelLogIn, href });
    }
  }

  // ---- the snippets ------------------------------------------------------------------------------------------

  // Not as the page loads: it may be opened in the background, or the snippets stand where nobody scrolls to.
  const watcher = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) {
      showAll([...document.querySelectorAll(WAITING)]);
    }
  });

  function start() {
    for (const element of document.querySelectorAll(WAITING)) {
      watcher.observe(element);
    }
  }

  function showAll(elements) {
    const there = elements.filter((element) => element.isConnected);
    for (const account of new Set(there.map((element) => element.dataset.account))) {
      const own = there.filter((element) => element.dataset.account === account);
      for (let first = 0; first < own.length; first += MOST_TOKENS) {
        showTogether(account, own.slice(first, first + MOST_TOKENS));
      }
    }
  }

  async function showTogether(account, elements) {
    for (const element of elements) {
      watcher.unobserve(element);
      element.dataset.plenigoStarted = "true";
      tell(element, settings.messageSelfServiceOpening);
    }
    try {
      const sdk = await vendorScript(settings.messageSelfServiceMissing);
      if (typeof sdk.renderSnippet !== "function") {
        throw new Error("The vendor's script has no snippets.");
      }
      await endSession(); // that of the reader who has logged out here before would end hers
      const { isFine, status, body } = await send(settings.loginTokensUrl, {
        account,
        page: page(),
        amount: elements.length,
      });
      if (status === UNAUTHORIZED && typeof body.login_url === "string") {
        askToLogIn(elements, body.login_url);
        return;
      }
      if (!isFine) {
        throw new Refusal(typeof body.detail === "string" ? body.detail : "", status);
      }
      const tokens = body.login_tokens;
      if (!Array.isArray(tokens) || tokens.length !== elements.length) {
        throw new Refusal();
      }
      elements.forEach((element, index) => render(sdk, element, tokens[index], body.logged_out_url));
    } catch (error) {
      fail(elements, error);
    }
  }

  function render(sdk, element, loginToken, logInUrl) {
    const { plenigoSnippet: name, loggedOutUrl = logInUrl, edit } = element.dataset;
    const content = element.querySelector(".plenigo-snippet-content");
    if (!element.isConnected) {
      return; // swapped away meanwhile
    }
    try {
      const snippetId = sdk.Snippet?.[name];
      if (snippetId === undefined) {
        throw new Error(`The vendor's script has no snippet ${name}.`);
      }
      if (!content.id || document.getElementById(content.id) !== content) {
        content.id = newId(); // it has none, or that of the one that it was copied from
      }
      const loggedOutRedirectUrl = new URL(loggedOutUrl, document.baseURI).href;
      const elementId = content.id;
      tell(element, ""); // before it comes: from then on what is said is the snippet's
      shown.set(element, Date.now());
      // plenigo takes four values in this order, or one object by these names, which alone can hold `edit`
      // (docs/protocols/plenigo-v2.md 4.1).
      if (edit === undefined) {
        sdk.renderSnippet(elementId, snippetId, loggedOutRedirectUrl, loginToken);
      } else {
        sdk.renderSnippet({ elementId, snippetId, loggedOutRedirectUrl, loginToken, edit: edit === "true" });
      }
    } catch (error) {
      fail([element], error);
    }
  }

  function newId() {
    count += 1;
    const id = `plenigo-snippet-${count}`;
    return document.getElementById(id) ? newId() : id;
  }

  onBlockedFrame(() => {
    for (const [element, at] of shown) {
      if (element.isConnected && isRecent(at)) {
        tell(element, settings.messageSelfServiceMissing);
      }
    }
  });

  const startOthers = ours.start;
  ours.start = () => {
    startOthers();
    start();
  };
  ours.showSnippets = start;
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
})();
