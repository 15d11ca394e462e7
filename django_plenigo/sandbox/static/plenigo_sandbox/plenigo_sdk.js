/*
 * The sandbox's stand-in for the vendor's browser script. It defines the global `plenigo`.
 *
 * It runs on the site's own pages, so it brings no style sheet, no inline script and no `style` attribute: styles are
 * set one property at a time, which a strict Content-Security-Policy allows. The site needs `script-src` and
 * `frame-src` for this script's origin, and `connect-src` where it asks for access (`data-payment-check`,
 * `data-client-paywall`), nothing else.
 *
 * The page in the frame asks for what it shall show ("ready"); only then are check-out string and log-in token handed
 * over, by message and to that one origin. They never stand in an address. Sentences come from the server.
 *
 * The script tag's attributes are those of docs/protocols/plenigo-v2.md 4.2. Accepted and ignored, since nothing is
 * metered and no content is loaded: data-disable-metered, data-hide-metered-counter, data-metered-description-url,
 * data-paywall-type="url" with data-paywall-base-url and data-paywall-external-content-id, data-original-site-url,
 * data-profile-security-label.
 */
(function (texts) {
  "use strict";

  if (window.plenigo && window.plenigo.isSandbox) {
    return; // included twice
  }

  const COOKIE = "plenigo_user";
  const COOKIE_SECONDS = 86400;
  const ANSWER_WITHIN_MILLISECONDS = 30000;
  const SPEAKS_AFTER_LOAD_MILLISECONDS = 8000;
  const ADDRESS = /^(.*\/)static_resources\/(?:v2\/)?javascript\/([^/]+)\/plenigo_sdk(?:\.min)?\.js$/;

  const SNIPPETS = [
    ...["PERSONAL_DATA", "ORDER", "SUBSCRIPTION", "PAYMENT_METHODS", "ADDRESS_DATA", "BILLING_ADDRESS_DATA"],
    ...["DELIVERY_ADDRESS_DATA", "BANK_ACCOUNT", "CREDIT_CARD", "PERSONAL_DATA_SETTINGS", "PERSONAL_DATA_ADDRESS"],
    ...["PERSONAL_DATA_PROTECTION", "PERSONAL_DATA_SOCIAL_MEDIA", "PERSONAL_DATA_PASSWORD"],
  ];

  const script = document.currentScript || document.querySelector('script[src*="/plenigo_sdk.min.js"]');
  const parts = script && ADDRESS.exec(script.src.split(/[?#]/)[0]);
  if (!parts || script.dataset.companyid) {
    return; // copied elsewhere: there is no sandbox to talk to; or the tag is one of API v3, from before May 2025
  }
  const base = parts[1];
  const companyId = script.dataset.companyId ? encodeURIComponent(script.dataset.companyId) : parts[2];
  const origin = new URL(base).origin;
  const language = (script.dataset.lang || navigator.language || "en").slice(0, 2).toLowerCase();
  const text = texts[language] || texts.en;

  let layer = null; // what is open now: {root, frame, fields, key, opener, timer, modal}
  let started = false;
  const snippets = new Map(); // what is shown of the self service, by the element that it stands in

  function flag(name) {
    return script.dataset[name] === "true";
  }

  /* Call the site's function that the script tag names, e.g. data-login-status="shop.onLogin". */
  function tell(attribute, ...values) {
    const name = script.dataset[attribute];
    if (!name) {
      return;
    }
    const callback = name.split(".").reduce((owner, key) => (owner ? owner[key] : undefined), window);
    if (typeof callback === "function") {
      callback(...values);
    }
  }

  function styled(element, styles) {
    for (const [property, value] of Object.entries(styles)) {
      element.style[property] = value;
    }
    return element;
  }

  function isDark() {
    return window.matchMedia("(prefers-color-scheme: dark)").matches;
  }

  // --- cookie --------------------------------------------------------------------------------------------------

  function readCookie() {
    const pair = document.cookie.split(/;\s*/).find((pair) => pair.startsWith(COOKIE + "="));
    return pair ? pair.slice(COOKIE.length + 1) : "";
  }

  function isUserLoggedIn() {
    return readCookie() !== "";
  }

  function setCookie(value, seconds) {
    const secure = window.location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${COOKIE}=${value}; Path=/; Max-Age=${seconds}; SameSite=Lax${secure}`;
  }

  function logout() {
    setCookie("", 0);
    tell("loginStatus", false);
  }

  // --- the paywall in the page -------------------------------------------------------------------------------------

  /* Say whether a product is open to the reader; null when nobody can tell. The session goes in a body. */
  async function readAccess(productId) {
    const fields = { productId, session: readCookie(), testMode: String(flag("testMode")) };
    try {
      const answer = await fetch(`${base}access/${companyId}/`, {
        method: "POST",
        body: new URLSearchParams(fields),
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      return answer.ok ? (await answer.json()).accessible : null;
    } catch {
      return null;
    }
  }

  /* Tell the page about its product. While nobody knows the answer the page stays as it is: no payer is sent to pay. */
  async function checkAccess() {
    const { productId, paymentCheck } = script.dataset;
    if (!productId || !(paymentCheck || flag("clientPaywall"))) {
      return;
    }
    const isAccessible = await readAccess(productId);
    if (isAccessible !== null) {
      showPaywall(isAccessible); // first: what the site's own function does wrong must not open the article
      tell("paymentCheck", isAccessible);
    }
  }

  /*
   * "hide": the source is a teaser, which takes the article's place from whoever has no access. "show": the source is
   * the article, which takes the teaser's place for whoever has. The target is where it is seen. A visitor whom the
   * article is closed to gets the registration instead, where the page has one.
   */
  function showPaywall(isAccessible) {
    const { paywallType, paywallSourceElementId, paywallTargetElementId, paywallRegistrationElementId } = script.dataset;
    const source = document.getElementById(paywallSourceElementId);
    const target = document.getElementById(paywallTargetElementId);
    if (!flag("clientPaywall") || !["hide", "show"].includes(paywallType) || !source || !target) {
      return;
    }
    const registration = document.getElementById(paywallRegistrationElementId);
    if (!isAccessible && !isUserLoggedIn() && registration) {
      putInto(target, registration);
    } else if (isAccessible === (paywallType === "show")) {
      putInto(target, source);
    }
  }

  /* Move what an element holds to where it is seen. */
  function putInto(target, source) {
    target.replaceChildren(...source.childNodes);
    target.hidden = false;
  }

  // --- the layer -----------------------------------------------------------------------------------------------

  function frameFor(path, title) {
    const frame = document.createElement("iframe");
    const query = new URLSearchParams({ origin: window.location.origin, lang: language });
    frame.title = title;
    frame.referrerPolicy = "no-referrer";
    frame.src = `${base}${path}/${companyId}/?${query}`;
    return styled(frame, {
      border: "0",
      display: "block",
      width: "100%",
      height: "20rem",
      colorScheme: "light dark",
    });
  }

  function closeButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text.close;
    button.addEventListener("click", cancel);
    return styled(button, {
      alignSelf: "flex-end",
      margin: "0",
      padding: "0.6rem 1rem",
      font: "inherit",
      color: isDark() ? "#f3f4f6" : "#1f2937",
      background: "transparent",
      border: "0",
      cursor: "pointer",
    });
  }

  function dialogAround(frame) {
    const dialog = document.createElement("dialog");
    const box = document.createElement("div");
    dialog.setAttribute("aria-label", frame.title);
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      cancel();
    });
    styled(dialog, {
      boxSizing: "border-box",
      width: "100vw",
      height: "100dvh",
      maxWidth: "none",
      maxHeight: "none",
      margin: "0",
      padding: "1rem",
      border: "0",
      overflow: "auto",
      background: "rgba(15, 23, 42, 0.6)",
    });
    styled(box, {
      display: "flex",
      flexDirection: "column",
      width: "min(30rem, 100%)",
      margin: "0 auto",
      borderRadius: "0.75rem",
      overflow: "hidden",
      font: "1rem/1.5 system-ui, sans-serif",
      color: isDark() ? "#f3f4f6" : "#1f2937",
      background: isDark() ? "#111827" : "#ffffff",
      boxShadow: "0 1rem 3rem rgba(0, 0, 0, 0.35)",
    });
    box.append(closeButton(), frame);
    dialog.append(box);
    document.body.append(dialog);
    dialog.showModal();
    return dialog;
  }

  function embeddedIn(host, frame) {
    const box = styled(document.createElement("div"), { width: "100%" });
    box.append(frame);
    host.append(box);
    return box;
  }

  /* Open one page of the sandbox. A second call while one is open is a double click and does nothing. */
  function openPage(path, title, config) {
    if (layer) {
      layer.frame.focus();
      return;
    }
    const { elementId, ...fields } = config;
    const host = elementId ? document.getElementById(elementId) : null;
    if (elementId && !host) {
      fields.problem = "element";
    }
    const frame = frameFor(path, title);
    layer = { frame, fields, opener: document.activeElement, modal: !host };
    expectWord(ANSWER_WITHIN_MILLISECONDS);
    window.addEventListener("message", onMessage);
    document.addEventListener("securitypolicyviolation", onViolation);
    frame.addEventListener("load", onLoad);
    layer.root = host ? embeddedIn(host, frame) : dialogAround(frame);
    frame.focus();
    tell("onAction", { action: "opened", page: path });
  }

  /* Take everything away again, so that the page is as it was and the next check-out can open. */
  function close() {
    if (!layer) {
      return;
    }
    const { root, timer, opener } = layer;
    layer = null;
    window.clearTimeout(timer);
    window.removeEventListener("message", onMessage);
    document.removeEventListener("securitypolicyviolation", onViolation);
    if (typeof root.close === "function") {
      root.close();
    }
    root.remove();
    if (opener && opener.isConnected && opener !== document.body) {
      opener.focus();
    }
  }

  function cancel() {
    if (layer && layer.outcome) {
      finish(layer.outcome);
    } else if (layer) {
      close();
      tell("onAction", { action: "cancelled" });
    }
  }

  /* The frame stayed silent: the sandbox is down or the site's policy blocks the frame. Never show nothing. */
  function fail() {
    if (!layer) {
      return;
    }
    window.clearTimeout(layer.timer);
    const sentence = document.createElement("p");
    sentence.setAttribute("role", "alert");
    sentence.textContent = text.unreachable.replace("ORIGIN", origin);
    styled(sentence, { margin: "0", padding: "0 1rem 1.5rem" });
    layer.frame.replaceWith(sentence);
    if (!layer.modal) {
      layer.root.append(closeButton());
    }
    tell("onAction", { action: "failed" });
  }

  function expectWord(milliseconds) {
    window.clearTimeout(layer.timer);
    layer.timer = window.setTimeout(fail, milliseconds);
  }

  /* Every page of the sandbox says a word soon after it has loaded; a browser's error page does not. */
  function onLoad() {
    if (layer) {
      expectWord(SPEAKS_AFTER_LOAD_MILLISECONDS);
    }
  }

  function isBlocked(event) {
    const isFrame = ["frame-src", "child-src", "default-src"].includes(event.effectiveDirective);
    return isFrame && event.disposition === "enforce" && event.blockedURI.startsWith(origin);
  }

  function onViolation(event) {
    if (isBlocked(event)) {
      fail();
    }
  }

  function heightOf(message) {
    return { height: `${Math.min(Math.max(Number(message.height) || 0, 160), 4000)}px` };
  }

  // --- messages from the frame -----------------------------------------------------------------------------------

  const handlers = {
    ready() {
      handlers.busy();
      layer.frame.contentWindow.postMessage({ plenigoSandbox: "open", fields: layer.fields }, origin);
    },
    busy() {
      expectWord(ANSWER_WITHIN_MILLISECONDS);
    },
    shown(message) {
      window.clearTimeout(layer.timer);
      styled(layer.frame, heightOf(message));
    },
    settled(message) {
      layer.outcome = message; // closing the layer no longer undoes anything
    },
    cancelled: cancel,
    completed: finish,
  };

  function onMessage(event) {
    if (!layer || event.origin !== origin || event.source !== layer.frame.contentWindow) {
      return;
    }
    const kind = event.data && event.data.plenigoSandbox;
    if (typeof kind === "string" && Object.hasOwn(handlers, kind)) {
      handlers[kind](event.data);
    }
  }

  function finish(outcome) {
    close();
    if (/^[0-9a-f]+(\|[0-9a-f]+)?$/i.test(outcome.cookie || "")) {
      setCookie(outcome.cookie, COOKIE_SECONDS);
      tell("loginStatus", true);
    }
    if (outcome.bought || outcome.owned) {
      tell("paymentCheck", true);
    }
    if (outcome.code) {
      tell("oauth2AccessCode", outcome.code);
    }
    tell("onAction", { action: outcome.bought ? "bought" : "loggedIn" });
    if (!flag("disableRedirect") && !flag("dataDisableRedirect")) { // a page of the vendor's misprints it so
      leaveTo(outcome.address);
    }
  }

  function leaveTo(address) {
    if (!address) {
      window.location.reload();
      return;
    }
    const target = new URL(address, document.baseURI);
    if (!["http:", "https:"].includes(target.protocol)) {
      return; // the server refuses these; never run one that slipped through
    }
    const here = window.location.href.split("#")[0];
    window.location.assign(target.href);
    if (target.href.split("#")[0] === here) {
      window.location.reload(); // a change of the fragment alone would load nothing
    }
  }

  // --- what pages call -------------------------------------------------------------------------------------------

  /* Make addresses absolute here, where the page's own address is known; the server judges what is left. */
  function absolute(address) {
    try {
      return new URL(address, document.baseURI).href;
    } catch {
      return String(address);
    }
  }

  /* Bring an object or the older list of arguments into one shape; anything else becomes a readable refusal. */
  function fieldsOf(values, names, addresses) {
    const [first] = values;
    const fields = {};
    if (first !== null && typeof first === "object") {
      names.forEach((name) => (fields[name] = first[name]));
    } else if (typeof first === "string") {
      names.forEach((name, index) => (fields[name] = values[index]));
    } else if (names[0] === "paymentData") {
      fields.problem = "config";
    }
    for (const name of Object.keys(fields)) {
      if (fields[name] === undefined || fields[name] === null) {
        delete fields[name];
      } else {
        fields[name] = addresses.includes(name) && fields[name] ? absolute(fields[name]) : String(fields[name]);
      }
    }
    if (flag("testMode")) {
      fields.testMode = "true";
    }
    return fields;
  }

  function checkout(...values) {
    const names = ["paymentData", "startWithRegistration", "sourceUrl", "targetUrl", "affiliateId", "elementId"];
    openPage("checkout", text.checkout, fieldsOf(values, names, ["sourceUrl", "targetUrl"]));
  }

  function checkoutWithRemoteLogin(...values) {
    const names = ["paymentData", "loginToken", "sourceUrl", "targetUrl", "affiliateId", "elementId"];
    // Even an empty token means "logged in elsewhere": such a check-out never asks who buys.
    openPage("checkout", text.checkout, { loginToken: "", ...fieldsOf(values, names, ["sourceUrl", "targetUrl"]) });
  }

  function identify(path, title, values) {
    const names = ["ssoRedirectURL", "scope", "state", "elementId", "targetUrl", "loginIdentifier"];
    openPage(path, title, fieldsOf(values, names, ["ssoRedirectURL", "targetUrl"]));
  }

  // --- snippets --------------------------------------------------------------------------------------------------

  /* One page of the self service in one element of the site's page; there may be several at once. */
  class FramedSnippet {
    #host;
    #fields;
    #frame = frameFor("snippet", text.selfService);
    #timer = 0;

    constructor(host, fields) {
      this.#host = host;
      this.#fields = fields;
    }

    show() {
      window.addEventListener("message", this.#onMessage);
      document.addEventListener("securitypolicyviolation", this.#onViolation);
      this.#frame.addEventListener("load", () => this.#expectWord(SPEAKS_AFTER_LOAD_MILLISECONDS));
      this.#expectWord(ANSWER_WITHIN_MILLISECONDS);
      this.#host.replaceChildren(this.#frame);
    }

    close() {
      window.clearTimeout(this.#timer);
      window.removeEventListener("message", this.#onMessage);
      document.removeEventListener("securitypolicyviolation", this.#onViolation);
      this.#frame.remove();
    }

    #expectWord(milliseconds) {
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.#fail(), milliseconds);
    }

    #fail() {
      this.close();
      const sentence = document.createElement("p");
      sentence.setAttribute("role", "alert");
      sentence.textContent = text.unreachable.replace("ORIGIN", origin);
      this.#host.replaceChildren(sentence);
    }

    #onViolation = (event) => {
      if (isBlocked(event)) {
        this.#fail();
      }
    };

    #onMessage = (event) => {
      if (event.origin !== origin || event.source !== this.#frame.contentWindow) {
        return;
      }
      const message = event.data || {};
      if (message.plenigoSandbox === "ready") {
        this.#expectWord(ANSWER_WITHIN_MILLISECONDS);
        this.#frame.contentWindow.postMessage({ plenigoSandbox: "open", fields: this.#fields }, origin);
      } else if (message.plenigoSandbox === "busy") {
        this.#expectWord(ANSWER_WITHIN_MILLISECONDS);
      } else if (message.plenigoSandbox === "shown") {
        window.clearTimeout(this.#timer);
        styled(this.#frame, heightOf(message));
      }
    };
  }

  /* A page says by its token who looks at it, or else by the cookie; nobody is sent away. */
  function renderSnippet(...values) {
    const names = ["elementId", "snippetId", "loggedOutRedirectUrl", "loginToken", "edit"];
    const { elementId, loggedOutRedirectUrl, ...fields } = fieldsOf(values, names, ["loggedOutRedirectUrl"]);
    const host = document.getElementById(elementId);
    if (!host) {
      window.console.error(`plenigo sandbox: ${text.element}`);
      return;
    }
    if (!fields.loginToken && isUserLoggedIn()) {
      fields.session = readCookie();
    }
    if (fields.loginToken || fields.session || !loggedOutRedirectUrl) {
      snippets.get(host)?.close();
      snippets.set(host, new FramedSnippet(host, fields));
      snippets.get(host).show();
    } else {
      leaveTo(loggedOutRedirectUrl);
    }
  }

  function start() {
    if (!started) {
      started = true;
      tell("loginStatus", isUserLoggedIn());
      checkAccess();
    }
  }

  window.plenigo = {
    isSandbox: true,
    checkout,
    checkoutWithRemoteLogin,
    renderSnippet,
    Snippet: Object.freeze(Object.fromEntries(SNIPPETS.map((name) => [name, name]))),
    login: (...values) => identify("login", text.login, values),
    registration: (...values) => identify("registration", text.registration, values),
    logout,
    isUserLoggedIn,
    resetLayerOpenedDetection: close,
    start,
  };

  if (document.readyState === "complete") {
    start();
  } else {
    window.addEventListener("load", start, { once: true });
  }
})("PLENIGO_SANDBOX_TEXTS");
