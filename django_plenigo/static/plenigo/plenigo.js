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
  const ANSWER_SECONDS = 30;
  // So long after a checkout was opened a further click in its place is the second half of a double click.
  const DOUBLE_CLICK_SECONDS = 0.5;
  // So long after a checkout was opened a frame that the site's policy blocks is taken for the checkout's.
  const FRAME_SECONDS = 30;

  const loadedAt = Date.now();
  const spentTokens = new Set();
  const CHECKOUTS = ["checkout", "checkoutWithRemoteLogin"];
  const originals = {}; // the vendor's functions by name, without our watch
  const watching = new WeakSet(); // our functions that stand in their place

  let flight = null; // the checkout that is being opened: one at a time, however it is opened
  let opened = null; // the checkout that was opened last
  let clicked = null; // the element whose snippet runs right now

  // An answer that may hold a sentence for the reader.
  class Refusal extends Error {
    constructor(text = "", status = 0) {
      super(text);
      this.status = status;
    }
  }

  const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

  // ---- what the reader is told -------------------------------------------------------------------------------

  // Next to what was clicked; at the top of the page where that is unknown or gone.
  function regionOf(place) {
    if (!place) {
      return document.querySelector("body > p.plenigo-message");
    }
    const own = place.closest(".plenigo-checkout")?.querySelector(".plenigo-message");
    return own || (place.nextElementSibling?.matches(".plenigo-message") ? place.nextElementSibling : null);
  }

  function addRegion(place) {
    const region = document.createElement(place ? "span" : "p");
    region.className = place ? "plenigo-message" : "plenigo-message plenigo-message-page";
    region.setAttribute("role", "status");
    region.dataset.plenigoAdded = "true";
    if (place) {
      place.after(region);
    } else {
      region.tabIndex = -1;
      document.body.prepend(region);
    }
    return region;
  }

  function say(clickedPlace, text) {
    const place = clickedPlace?.isConnected ? clickedPlace : null;
    const region = regionOf(place) || (text ? addRegion(place) : null);
    if (!region) {
      return;
    }
    region.textContent = text;
    if (!text && region.dataset.plenigoAdded) {
      region.remove();
    } else if (text && !place && text !== settings.messageOpening) {
      region.focus(); // it stands at the top of the page, perhaps out of sight
    }
  }

  const sentence = (error, otherwise) => (error instanceof Refusal && error.message ? error.message : otherwise);

  // ---- our own endpoints -------------------------------------------------------------------------------------

  // They answer with a JSON object, whatever happens; a log-in wall or a proxy in front of them does not.
  async function ask(url, options) {
    const answer = await fetch(url, {
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_SECONDS * 1000),
      ...options,
    });
    const body = await answer.json().catch(() => null);
    return { isFine: answer.ok, status: answer.status, body: body !== null && typeof body === "object" ? body : {} };
  }

  async function send(url, data) {
    // Fetched right before: the page may be an hour old, come out of a cache, or belong to another session.
    const { body: fetched } = await ask(settings.csrfUrl);
    if (typeof fetched.csrf_token !== "string" || typeof fetched.header !== "string") {
      throw new Refusal();
    }
    return ask(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", [fetched.header]: fetched.csrf_token },
      body: JSON.stringify(data),
    });
  }

  // On a click: it may lead to another page.
  async function post(url, data) {
    const { isFine, status, body } = await send(url, data);
    // The log-in of a visitor, or the devices of a reader who is logged in on too many.
    const elsewhere = body.login_url ?? body.devices_url;
    if (typeof elsewhere === "string") {
      window.location.assign(elsewhere);
      await pause(ANSWER_SECONDS); // the page is being left; but that may fail
      throw new Refusal();
    }
    if (!isFine) {
      throw new Refusal(typeof body.detail === "string" ? body.detail : "", status);
    }
    return body;
  }

  const page = () => window.location.pathname + window.location.search;

  async function newLoginToken() {
    const { login_token: token } = await post(settings.loginTokenUrl, { account: settings.account, page: page() });
    if (typeof token !== "string") {
      throw new Refusal();
    }
    return token;
  }

  // ---- the vendor's script -----------------------------------------------------------------------------------

  const isOld = () => Date.now() - loadedAt > TOKEN_SECONDS * 1000;

  // The snippet of {% plenigo_checkout %} calls the vendor's function itself. Its token works once and for minutes:
  // where it is spent or old, a new one is put in its place.
  function watch() {
    const sdk = window.plenigo;
    for (const name of CHECKOUTS) {
      const original = sdk?.[name];
      if (typeof original === "function" && !watching.has(original)) {
        originals[name] = original.bind(sdk);
        sdk[name] = (...values) => openSnippet(name, values);
        watching.add(sdk[name]);
      }
    }
  }

  async function vendorScript(messageMissing = settings.messageScriptMissing) {
    const until = Date.now() + SCRIPT_WAIT_SECONDS * 1000;
    while (!window.plenigo && Date.now() < until) {
      await pause(0.1);
    }
    if (!window.plenigo) {
      throw new Refusal(messageMissing);
    }
    watch();
    return window.plenigo;
  }

  // ---- opening a checkout ------------------------------------------------------------------------------------

  // Let `open` run, unless another checkout is being opened. It is told whether its turn is still on: that ends where
  // the reader left the page meanwhile and came back to it.
  async function openAlone(place, open, messageFailed = settings.messageFailed) {
    if (flight && (!flight.isOpened || flight.place === place)) {
      return; // a double click opens one checkout
    }
    endFlight();
    const mine = { place, isOpened: false };
    flight = mine;
    const isOn = () => flight === mine;
    place?.setAttribute("aria-disabled", "true");
    try {
      await open(isOn);
      mine.isOpened = true;
      await pause(DOUBLE_CLICK_SECONDS);
    } catch (error) {
      if (!(error instanceof Refusal)) {
        console.error(error);
      }
      if (isOn()) {
        say(place, sentence(error, messageFailed));
      }
    }
    if (isOn()) {
      endFlight();
    }
  }

  function endFlight() {
    flight?.place?.removeAttribute("aria-disabled");
    flight = null;
  }

  // The message goes before the checkout comes: from then on the focus is the checkout's.
  function handOver(place, open, messageBlocked = settings.messageScriptMissing) {
    say(place, "");
    opened = { place, messageBlocked, at: Date.now() };
    open();
  }

  const callVendor = (place, name, values) => handOver(place, () => originals[name](...values));

  function openOffer(offer, place) {
    return openAlone(place, async (isOn) => {
      say(place, settings.messageOpening);
      const [body] = await Promise.all([post(settings.checkoutUrl, { offer, page: page() }), vendorScript()]);
      if (typeof body.purchase_id === "string" && window.djangoPlenigo.startPrepared) {
        if (isOn()) {
          handOver(place, () => window.djangoPlenigo.startPrepared(body, { offer, place }));
        }
        return;
      }
      const name = String(body.function).split(".").pop();
      if (!CHECKOUTS.includes(name) || typeof body.arguments !== "object") {
        throw new Refusal();
      }
      if (isOn()) {
        callVendor(place, name, [body.arguments]);
      }
    });
  }

  // After what came of what is open: the next click is no second half of the one that has opened it.
  function endOpened() {
    if (flight?.isOpened) {
      endFlight();
    }
  }

  function openSnippet(name, [config, ...rest]) {
    const place = clicked;
    return openAlone(place, (isOn) => {
      const token = name === "checkoutWithRemoteLogin" ? config?.loginToken : undefined;
      if (token === undefined || (!spentTokens.has(token) && !isOld())) {
        spentTokens.add(token);
        return callVendor(place, name, [config, ...rest]); // at once, within the click
      }
      say(place, settings.messageOpening);
      return newLoginToken().then((loginToken) => isOn() && callVendor(place, name, [{ ...config, loginToken }, ...rest]));
    });
  }

  document.addEventListener(
    "click",
    (event) => {
      const element = event.target instanceof Element ? event.target : null;
      const button = element?.closest("[data-plenigo-offer]");
      if (button) {
        event.preventDefault();
        openOffer(button.dataset.plenigoOffer, button);
        return;
      }
      // Before the snippet in an onclick attribute runs: this listener sits in the capturing phase.
      watch();
      const snippet = element?.closest("[onclick]");
      clicked = snippet;
      setTimeout(() => (clicked = null));
      if (snippet && !window.plenigo && snippet.getAttribute("onclick").includes("plenigo.checkout")) {
        say(snippet, settings.messageScriptMissing);
      }
    },
    true
  );

  window.addEventListener("pageshow", (event) => {
    if (event.persisted && flight) {
      say(flight.place, "");
      endFlight();
    }
    endSession();
  });

  // A frame that the site's own policy blocks stays empty, and the vendor's script learns nothing of it.
  function onBlockedFrame(tell) {
    document.addEventListener("securitypolicyviolation", (event) => {
      const isFrame = event.effectiveDirective === "frame-src" || event.effectiveDirective === "child-src";
      if (isFrame && event.disposition === "enforce") {
        tell();
      }
    });
  }

  const isRecent = (at) => Date.now() - at < FRAME_SECONDS * 1000;

  onBlockedFrame(() => {
    if (opened && isRecent(opened.at)) {
      say(opened.place, opened.messageBlocked);
    }
  });

  // ---- after a log-out: the next reader of a shared computer must not meet the vendor's session of the last ----

  async function endSession() {
    if (!document.cookie.split("; ").includes("plenigo_session_ended=1")) {
      return;
    }
    const sdk = await vendorScript().catch(() => null);
    const hasSession = typeof sdk?.logout === "function"; // the script of API v3 keeps none in the page
    if (hasSession) {
      sdk.logout({});
    }
    if (hasSession || (sdk && settings.elementId)) {
      document.cookie = "plenigo_session_ended=; Max-Age=0; Path=/; SameSite=Lax";
    }
  }

  // ---- back from a checkout ----------------------------------------------------------------------------------

  const POLL_SECONDS = [1, 1, 2, 2, 4, 5, 5, 10, 10, 20];
  const SLOW_POLL_SECONDS = 60;
  const TROUBLE_SECONDS = 10;
  const LATE_SECONDS = 10;

  // Ends early when the tab is looked at again: its reader is waiting.
  function pauseUntilSeen(seconds) {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        document.removeEventListener("visibilitychange", look);
        resolve();
      };
      const look = () => document.visibilityState === "visible" && end();
      const timer = setTimeout(end, seconds * 1000);
      document.addEventListener("visibilitychange", look);
    });
  }

  // A live region is read out at each change, also at one that changes nothing.
  function show(region, text) {
    if (region.textContent !== text) {
      region.textContent = text;
    }
  }

  // `next` is where the site wants the buyer to go, else back to the page of the click.
  async function waitForPurchase(region, next) {
    const began = Date.now();
    let trouble = 0;
    for (let round = 0; region.isConnected; round += 1) {
      await pauseUntilSeen(Math.max(POLL_SECONDS[round] ?? SLOW_POLL_SECONDS, trouble));
      const { body } = await ask(region.dataset.plenigoPurchaseUrl).catch(() => ({ body: {} }));
      if (body.is_bought === true) {
        show(region, region.dataset.messageBought);
        window.location.replace(next || body.next);
        return;
      }
      if (typeof body.login_url === "string") {
        window.location.assign(body.login_url);
      }
      // Throttled, out of order, no JSON: each such answer doubles the wait.
      trouble = body.is_bought === false ? 0 : Math.min(Math.max(2 * trouble, TROUBLE_SECONDS), SLOW_POLL_SECONDS);
      if (Date.now() - began >= LATE_SECONDS * 1000) {
        show(region, region.dataset.messageLate);
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
    checkout: ({ offer }) => openOffer(offer, clicked),
    start,
    // For our own scripts of what one API alone opens.
    parts: Object.freeze({
      Refusal,
      settings,
      endOpened,
      endSession,
      handOver,
      isRecent,
      onBlockedFrame,
      openAlone,
      openOffer,
      page,
      post,
      say,
      send,
      sentence,
      show,
      vendorScript,
      waitForPurchase,
    }),
  };

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else {
    start();
  }
  window.addEventListener("load", start);
})();
