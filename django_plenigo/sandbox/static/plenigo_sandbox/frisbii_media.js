/*
 * The sandbox's stand-in for the vendor's browser script of API v3. It defines `plenigo.Checkout`, `plenigo.SSO` and
 * `plenigo.Snippets` (docs/protocols/plenigo-v3.md 8), and raises the vendor's events on the document.
 *
 * It runs on the site's own pages, so it brings no style sheet, no inline script and no `style` attribute. The site
 * needs `script-src` and `frame-src` for this script's origin, nothing else. The page in the frame asks for what it
 * shall show ("ready"); only then are purchase ids and tokens handed over, by message and to that one origin.
 */
(function (texts) {
  "use strict";

  if (window.plenigo && window.plenigo.Checkout) {
    return; // included twice
  }

  const ANSWER_WITHIN_MILLISECONDS = 30000;
  const SPEAKS_AFTER_LOAD_MILLISECONDS = 8000;
  const LONGEST_ADDRESS = 220;
  //: Where it has stood since May 2025 and where it stood before; then the tag said `data-companyId`.
  const ADDRESS = /^(.*\/)web\/v1\/frisbii_media(?:\.min)?\.js$/;
  const LEGACY_ADDRESS = /^(.*\/)static_resources\/javascript\/[^/]+\/plenigo_sdk(?:\.min)?\.js$/;
  //: What the script itself reads of a checkout's options; all else comes back in `e.detail.data`.
  const OPTIONS = ["elementId", "returnUrl", "restartUrl", "title", "customCSS", "address", "filterSalutations"];
  const MORE_OPTIONS = ["supportedCardTypes", "VariantUniqueId", "checkoutDesignId"];
  //: What the sandbox's payment page adds to the address that it returns to.
  const RETURN_PARAMETER = "plenigoPayment";
  const PAGES = [
    ...["PERSONAL_DATA", "PERSONAL_DATA_ADDRESS", "PERSONAL_DATA_SETTINGS", "PERSONAL_DATA_PASSWORD"],
    ...["PERSONAL_DATA_PROTECTION", "ADDRESS_DATA", "BILLING_ADDRESS_DATA", "DELIVERY_ADDRESS_DATA", "ORDER"],
    ...["INVOICE", "DASHBOARD", "SUBSCRIPTION", "PAYMENT_METHODS", "CREDIT_CARD", "BANK_ACCOUNT"],
    ...["TERMS_AND_CONDITIONS", "NEWSLETTER", "MULTI_USER_ACCOUNTS", "OPT_IN"],
  ];

  const script = document.currentScript || document.querySelector('script[src*="/frisbii_media.min.js"]');
  const address = script ? script.src.split(/[?#]/)[0] : "";
  const legacyParts = LEGACY_ADDRESS.exec(address);
  const parts = legacyParts || ADDRESS.exec(address);
  const company = legacyParts ? script.dataset.companyid : script?.dataset.companyId;
  if (!parts || !company) {
    return; // copied elsewhere, or of no company: there is nobody to talk to
  }
  const base = parts[1];
  const companyId = encodeURIComponent(company);
  const origin = new URL(base).origin;
  const language = (script.dataset.lang || navigator.language || "en").slice(0, 2).toLowerCase();
  const text = texts[language] || texts.en;

  const shown = new Map(); // what is open, by the element that it stands in

  function raise(name, detail) {
    document.dispatchEvent(new CustomEvent(`plenigo.${name}`, { detail }));
  }

  /* Developers look at the console, too, and a site need not listen. */
  function tellOfError(errorMsg) {
    window.console.error(`plenigo sandbox: ${errorMsg}`);
    raise("Error", { errorMsg });
  }

  function styled(element, styles) {
    for (const [property, value] of Object.entries(styles)) {
      element.style[property] = value;
    }
    return element;
  }

  function frameFor(page, title) {
    const frame = document.createElement("iframe");
    const query = new URLSearchParams({ origin: window.location.origin, lang: language });
    frame.title = title;
    frame.referrerPolicy = "no-referrer";
    frame.src = `${base}${page}/${companyId}/?${query}`;
    return styled(frame, { border: "0", display: "block", width: "100%", height: "20rem", colorScheme: "light dark" });
  }

  /* What goes into a form: texts, and nothing of what was left out. */
  function given(values) {
    const there = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
    return Object.fromEntries(there.map(([name, value]) => [name, String(value)]));
  }

  /* One page of the sandbox in one element of the site's page. */
  class Framed {
    #page;
    #host = null;
    #root = null;
    #opener = null;
    #frame = null;
    #fields = null;
    #timer = 0;

    constructor(page, options) {
      this.#page = page;
      this.options = options || {};
    }

    show(title, fields) {
      const host = document.getElementById(this.options.elementId);
      if (!host) {
        this.fail(text.element);
        return;
      }
      shown.get(host)?.close();
      shown.set(host, this);
      this.#host = host;
      this.#opener = document.activeElement;
      this.#fields = given(fields);
      this.#frame = frameFor(this.#page, title);
      this.#root = document.createElement("div");
      this.#root.setAttribute("role", "dialog"); // not modal: it stands in the page
      this.#root.setAttribute("aria-label", title);
      this.#root.append(this.#frame);
      window.addEventListener("message", this.#onMessage);
      document.addEventListener("securitypolicyviolation", this.#onViolation);
      this.#frame.addEventListener("load", () => this.#expectWord(SPEAKS_AFTER_LOAD_MILLISECONDS));
      this.#expectWord(ANSWER_WITHIN_MILLISECONDS);
      host.replaceChildren(this.#root);
      this.#frame.focus();
    }

    close() {
      window.clearTimeout(this.#timer);
      window.removeEventListener("message", this.#onMessage);
      document.removeEventListener("securitypolicyviolation", this.#onViolation);
      this.#root?.remove();
      if (this.#opener?.isConnected && this.#opener !== document.body) {
        this.#opener.focus();
      }
      if (shown.get(this.#host) === this) {
        shown.delete(this.#host);
      }
    }

    /* The frame stayed silent, or the page is not what it must be. Never show nothing. */
    fail(errorMsg) {
      this.close();
      tellOfError(errorMsg);
    }

    #expectWord(milliseconds) {
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.fail(text.unreachable.replace("ORIGIN", origin)), milliseconds);
    }

    #onViolation = (event) => {
      const isFrame = ["frame-src", "child-src", "default-src"].includes(event.effectiveDirective);
      if (isFrame && event.disposition === "enforce" && event.blockedURI.startsWith(origin)) {
        this.fail(text.unreachable.replace("ORIGIN", origin));
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
        styled(this.#frame, { height: `${Math.min(Math.max(Number(message.height) || 0, 160), 4000)}px` });
      } else if (message.plenigoSandbox === "page") {
        raise("WebAnalyticsLoad", String(message.name));
      } else if (message.plenigoSandbox === "refused") {
        tellOfError(String(message.sentence)); // the page says it too, and stays
      } else if (message.plenigoSandbox === "cancelled") {
        this.close();
      } else if (message.plenigoSandbox === "failed") {
        this.onFailed();
      } else if (message.plenigoSandbox === "completed") {
        this.close();
        this.onCompleted(message);
      }
    };
  }

  class Checkout extends Framed {
    #purchaseId;
    #data;

    constructor(purchaseId, options) {
      super("prepared", options);
      this.#purchaseId = purchaseId;
      const own = [...OPTIONS, ...MORE_OPTIONS];
      this.#data = Object.fromEntries(Object.entries(this.options).filter(([name]) => !own.includes(name)));
    }

    start() {
      this.#open("start");
    }

    login() {
      this.#open("login");
    }

    register() {
      this.#open("register");
    }

    #open(way) {
      const here = window.location.href;
      const returnUrl = this.options.returnUrl || here;
      if (returnUrl.length > LONGEST_ADDRESS || here.length > LONGEST_ADDRESS) {
        this.fail(text.address);
        return;
      }
      const title = this.options.title || text.checkout;
      this.show(title, { purchaseId: this.#purchaseId, way, returnUrl: new URL(returnUrl, document.baseURI).href });
    }

    onFailed() {
      raise("PurchaseFailed", { data: this.#data });
    }

    onCompleted({ orderId, customerSession }) {
      raise("PurchaseSuccess", { orderId, data: this.#data, ...(customerSession && { customerSession }) });
    }
  }

  class SSO extends Framed {
    constructor(options) {
      super("sso", options);
    }

    login() {
      this.#open("login", text.login);
    }

    register() {
      this.#open("register", text.registration);
    }

    forgotPassword() {
      this.#open("forgotPassword", text.password);
    }

    #open(way, title) {
      const { email, source, loginIdentifier, showLoginIdentifier, showTabs, verificationUrl } = this.options;
      // Refused by the page. The tokens, which are as good as a log-in, need not go there for that.
      const { connectToken, transferToken, connect = connectToken || transferToken ? "USER" : undefined } = this.options;
      const look = { email, source, loginIdentifier, showLoginIdentifier, showTabs };
      this.show(title, { way, ...look, verificationUrl, connect });
    }

    onFailed() {}

    onCompleted({ customerSession }) {
      raise("LoginSuccess", { customerSession });
    }
  }

  class Snippets extends Framed {
    #transferToken;

    constructor(transferToken, options) {
      super("self-service", options);
      this.#transferToken = transferToken;
    }

    start() {
      this.open();
    }

    open(snippet) {
      const { navigation, subscriptionId, displaySettings } = this.options;
      const { personalDetails, twoFactor = "HIDE" } = displaySettings?.SSO || {};
      if (twoFactor !== "HIDE") {
        window.console.error(`plenigo sandbox: ${text.twoFactor}`);
      }
      const transferToken = this.#transferToken;
      this.show(text.selfService, { transferToken, snippet, navigation, subscriptionId, personalDetails });
    }

    onFailed() {}

    onCompleted() {}
  }

  /* Back from the payment page: tell the page what came of it, once all of its scripts listen. */
  function tellOfPayment() {
    const address = new URL(window.location.href);
    const result = address.searchParams.get(RETURN_PARAMETER);
    if (result === null) {
      return;
    }
    address.searchParams.delete(RETURN_PARAMETER); // a reload tells nothing anew
    window.history.replaceState(window.history.state, "", address);
    if (/^-?\d+$/.test(result)) {
      raise("PurchaseSuccess", { orderId: result, data: {} });
    } else {
      raise("PurchaseFailed", { data: {} });
    }
  }

  const SNIPPETS = Object.freeze(Object.fromEntries(PAGES.map((name) => [name, name])));
  const SNIPPET_NAVIGATION = Object.freeze({
    OFF: "OFF",
    HORIZONTAL: "HORIZONTAL",
    VERTICAL: "VERTICAL",
    DEFAULT: "HORIZONTAL",
  });

  window.plenigo = Object.assign(window.plenigo || {}, {
    isSandbox: true,
    Checkout,
    SSO,
    Snippets,
    CONSTS: Object.freeze({ SNIPPETS, SNIPPET_NAVIGATION }),
  });
  if (document.readyState === "complete") {
    tellOfPayment();
  } else {
    window.addEventListener("load", tellOfPayment, { once: true });
  }
})("PLENIGO_SANDBOX_TEXTS");
