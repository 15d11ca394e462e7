// Opens plenigo checkouts on a click, with a login token minted for that very click; waits for purchases to arrive.
// One listener on the document: it serves swapped fragments and pages out of the back-forward cache as well.
// No inline code, no style attributes, nothing stored: it runs under a strict Content-Security-Policy.
(() => {
  "use strict";
  if (window.djangoPlenigo) {
    return; // the script stands in the page twice
  }

  // Addresses, texts and the account: printed by {% plenigo_sdk %} on our own script element.
  const settings = document.currentScript.dataset;

  // A login token lives for 300 seconds; after this many it is not relied upon.
  const TOKEN_SECONDS = 240;
  const SCRIPT_WAIT_SECONDS = 5;
  const loadedAt = Date.now();
  const spentTokens = new Set();
  let originalCheckout = null;

  // An answer that holds a sentence for the reader.
  class Refusal extends Error {}

  const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

  // ---- what the reader is told -------------------------------------------------------------------------------

  function say(place, text) {
    let region = place && place.closest(".plenigo-checkout")?.querySelector(".plenigo-message");
    if (!region) {
      region = document.querySelector("body > .plenigo-message");
    }
    if (!region) {
      region = document.createElement("p");
      region.className = "plenigo-message plenigo-message-page";
      region.setAttribute("role", "status");
      region.tabIndex = -1;
      document.body.prepend(region);
    }
    region.textContent = text;
    if (text && region.tabIndex === -1 && region.parentElement === document.body) {
      region.focus(); // it stands at the top of the page, perhaps out of sight
    }
  }

  const sentence = (error) => (error instanceof Refusal && error.message ? error.message : settings.messageFailed);

  // ---- our own endpoints -------------------------------------------------------------------------------------

  async function post(url, data) {
    // Fetched on the click: the page may be an hour old, come out of a cache, or belong to another session.
    const fetched = await fetch(settings.csrfUrl, { credentials: "same-origin", cache: "no-store" });
    if (!fetched.ok) {
      throw new Refusal(settings.messageFailed);
    }
    const { csrf_token: csrfToken } = await fetched.json();
    const answer = await fetch(url, {
      method: "POST",
      credentials: "same-origin",
      cache: "no-store",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken },
      body: JSON.stringify(data),
    });
    const body = await answer.json().catch(() => ({}));
    if (body.login_url) {
      window.location.assign(body.login_url);
      return new Promise(() => {}); // the page is being left
    }
    if (!answer.ok) {
      throw new Refusal(body.detail);
    }
    return body;
  }

  const page = () => window.location.pathname + window.location.search;

  // ---- the vendor's script -----------------------------------------------------------------------------------

  const isOld = () => Date.now() - loadedAt > TOKEN_SECONDS * 1000;

  // The snippet of {% plenigo_checkout %} calls the vendor's function itself. Its token works once and for minutes:
  // where it is spent or old, a new one is put in its place.
  function watch() {
    const sdk = window.plenigo;
    if (!sdk || typeof sdk.checkoutWithRemoteLogin !== "function" || sdk.checkoutWithRemoteLogin === checkout) {
      return;
    }
    originalCheckout = sdk.checkoutWithRemoteLogin.bind(sdk);
    sdk.checkoutWithRemoteLogin = checkout;
  }

  function checkout(config, ...rest) {
    if (typeof config !== "object" || config === null) {
      return originalCheckout(config, ...rest);
    }
    if (!spentTokens.has(config.loginToken) && !isOld()) {
      spentTokens.add(config.loginToken);
      return originalCheckout(config, ...rest);
    }
    return post(settings.loginTokenUrl, { account: settings.account, page: page() })
      .then((body) => originalCheckout({ ...config, loginToken: body.login_token }, ...rest))
      .catch((error) => say(null, sentence(error)));
  }

  async function vendorScript() {
    const until = Date.now() + SCRIPT_WAIT_SECONDS * 1000;
    while (!window.plenigo && Date.now() < until) {
      await pause(0.1);
    }
    if (!window.plenigo) {
      throw new Refusal(settings.messageScriptMissing);
    }
    watch();
    return window.plenigo;
  }

  // ---- clicks ------------------------------------------------------------------------------------------------

  async function open(offer, place) {
    const [body, sdk] = await Promise.all([post(settings.checkoutUrl, { offer, page: page() }), vendorScript()]);
    const name = body.function.split(".").pop();
    (name === "checkoutWithRemoteLogin" ? originalCheckout : sdk[name].bind(sdk))(body.arguments);
    say(place, "");
  }

  async function click(button) {
    if (button.getAttribute("aria-disabled") === "true") {
      return; // a double click opens one checkout
    }
    button.setAttribute("aria-disabled", "true");
    say(button, settings.messageOpening);
    try {
      await open(button.dataset.plenigoOffer, button);
    } catch (error) {
      say(button, sentence(error));
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }

  document.addEventListener(
    "click",
    (event) => {
      const element = event.target instanceof Element ? event.target : null;
      const button = element?.closest("[data-plenigo-offer]");
      if (button) {
        event.preventDefault();
        click(button);
        return;
      }
      // Before the snippet in an onclick attribute runs: this listener sits in the capturing phase.
      watch();
      const snippet = element?.closest("[onclick]");
      if (snippet && !window.plenigo && snippet.getAttribute("onclick").includes("plenigo.checkout")) {
        say(snippet, settings.messageScriptMissing);
      }
    },
    true
  );

  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("[data-plenigo-offer][aria-disabled]")) {
      button.removeAttribute("aria-disabled");
      say(button, "");
    }
    endSession();
  });

  // ---- after a log-out: the next reader of a shared computer must not meet the vendor's session of the last ----

  async function endSession() {
    if (!document.cookie.split("; ").includes("plenigo_session_ended=1")) {
      return;
    }
    const sdk = await vendorScript().catch(() => null);
    if (sdk && typeof sdk.logout === "function") {
      sdk.logout({});
      document.cookie = "plenigo_session_ended=; Max-Age=0; Path=/; SameSite=Lax";
    }
  }

  // ---- back from a checkout ----------------------------------------------------------------------------------

  const POLL_SECONDS = [1, 1, 2, 2, 4, 5, 5, 10, 10, 20];

  async function waitForPurchase(region) {
    let waited = 0;
    for (const seconds of POLL_SECONDS) {
      await pause(seconds);
      waited += seconds;
      const answer = await fetch(region.dataset.plenigoPurchaseUrl, {
        credentials: "same-origin",
        cache: "no-store",
      }).catch(() => null);
      const body = answer && (await answer.json().catch(() => null));
      if (body && body.is_bought) {
        region.textContent = region.dataset.messageBought;
        window.location.replace(body.next);
        return;
      }
      if (waited >= 10) {
        region.textContent = region.dataset.messageLate;
      }
    }
  }

  function start() {
    watch();
    for (const region of document.querySelectorAll("[data-plenigo-purchase-url]:not([data-plenigo-started])")) {
      region.dataset.plenigoStarted = "true";
      waitForPurchase(region);
    }
  }

  window.djangoPlenigo = {
    // What {% plenigo_checkout %} prints where no token may stand in the page.
    checkout: ({ offer }) => open(offer, null).catch((error) => say(null, sentence(error))),
    start,
  };

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
  window.addEventListener("load", start);
})();
