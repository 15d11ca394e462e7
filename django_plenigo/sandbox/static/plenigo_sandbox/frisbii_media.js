/*
 * The sandbox's stand-in for the vendor's browser script of API v3. It defines `plenigo.Checkout`
 * (docs/protocols/plenigo-v3.md 8), and raises the vendor's events on the document.
 *
 * It runs on the site's own pages, so it brings no style sheet, no inline script and no `style` attribute. The site
 * needs `script-src` and `frame-src` for this script's origin, nothing else. The page in the frame asks for what it
 * shall show ("ready"); only then is the purchase id handed over, by message and to that one origin.
 */
(function (texts) {
  "use strict";

  if (window.plenigo && window.plenigo.Checkout) {
    return; // included twice
  }

  const ANSWER_WITHIN_MILLISECONDS = 30000;
  const SPEAKS_AFTER_LOAD_MILLISECONDS = 8000;
  const LONGEST_ADDRESS = 220;
  const ADDRESS = /^(.*\/)web\/v1\/frisbii_media(?:\.min)?\.js$/;
  //: What the script itself reads; all else comes back in `e.detail.data`.
  const OPTIONS = ["elementId", "returnUrl", "restartUrl", "title", "customCSS", "address", "filterSalutations"];
  const MORE_OPTIONS = ["supportedCardTypes", "VariantUniqueId", "checkoutDesignId"];

  const script = document.currentScript || document.querySelector('script[src*="/frisbii_media.min.js"]');
  const parts = script && ADDRESS.exec(script.src.split(/[?#]/)[0]);
  if (!parts || !script.dataset.companyId) {
    return; // copied elsewhere, or of no company: there is nobody to talk to
  }
  const base = parts[1];
  const companyId = encodeURIComponent(script.dataset.companyId);
  const origin = new URL(base).origin;
  const language = (script.dataset.lang || navigator.language || "en").slice(0, 2).toLowerCase();
  const text = texts[language] || texts.en;

  let open = null; // the check-out that is shown now

  function raise(name, detail) {
    document.dispatchEvent(new CustomEvent(`plenigo.${name}`, { detail }));
  }

  function styled(element, styles) {
    for (const [property, value] of Object.entries(styles)) {
      element.style[property] = value;
    }
    return element;
  }

  function frameFor(title) {
    const frame = document.createElement("iframe");
    const query = new URLSearchParams({ origin: window.location.origin, lang: language });
    frame.title = title;
    frame.referrerPolicy = "no-referrer";
    frame.src = `${base}prepared/${companyId}/?${query}`;
    return styled(frame, { border: "0", display: "block", width: "100%", height: "20rem", colorScheme: "light dark" });
  }

  class Checkout {
    #purchaseId;
    #options;
    #data;
    #root = null;
    #opener = null;
    #frame = null;
    #timer = 0;

    constructor(purchaseId, options) {
      this.#purchaseId = String(purchaseId);
      this.#options = options || {};
      const own = [...OPTIONS, ...MORE_OPTIONS];
      this.#data = Object.fromEntries(Object.entries(this.#options).filter(([name]) => !own.includes(name)));
    }

    start() {
      this.#show("start");
    }

    login() {
      this.#show("login");
    }

    register() {
      this.#show("register");
    }

    #show(way) {
      const host = document.getElementById(this.#options.elementId);
      if (!host) {
        this.#fail(text.element);
        return;
      }
      const { returnUrl } = this.#options;
      if ((returnUrl || "").length > LONGEST_ADDRESS || window.location.href.length > LONGEST_ADDRESS) {
        this.#fail(text.address);
        return;
      }
      open?.close();
      open = this;
      this.#opener = document.activeElement;
      this.fields = { purchaseId: this.#purchaseId, way };
      this.#frame = frameFor(text.checkout);
      this.#root = document.createElement("div");
      this.#root.setAttribute("role", "dialog"); // not modal: it stands in the page
      this.#root.setAttribute("aria-label", text.checkout);
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
      if (open === this) {
        open = null;
      }
    }

    /* The frame stayed silent, or the page is not what it must be. Never show nothing. */
    #fail(errorMsg) {
      this.close();
      raise("Error", { errorMsg });
    }

    #expectWord(milliseconds) {
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => this.#fail(text.unreachable.replace("ORIGIN", origin)), milliseconds);
    }

    #onViolation = (event) => {
      const isFrame = ["frame-src", "child-src", "default-src"].includes(event.effectiveDirective);
      if (isFrame && event.disposition === "enforce" && event.blockedURI.startsWith(origin)) {
        this.#fail(text.unreachable.replace("ORIGIN", origin));
      }
    };

    #onMessage = (event) => {
      if (event.origin !== origin || event.source !== this.#frame.contentWindow) {
        return;
      }
      const message = event.data || {};
      if (message.plenigoSandbox === "ready") {
        this.#expectWord(ANSWER_WITHIN_MILLISECONDS);
        this.#frame.contentWindow.postMessage({ plenigoSandbox: "open", fields: this.fields }, origin);
      } else if (message.plenigoSandbox === "busy") {
        this.#expectWord(ANSWER_WITHIN_MILLISECONDS);
      } else if (message.plenigoSandbox === "shown") {
        window.clearTimeout(this.#timer);
        styled(this.#frame, { height: `${Math.min(Math.max(Number(message.height) || 0, 160), 4000)}px` });
      } else if (message.plenigoSandbox === "failed") {
        raise("PurchaseFailed", { data: this.#data });
      } else if (message.plenigoSandbox === "refused") {
        raise("Error", { errorMsg: String(message.sentence) }); // the page says it too, and stays
      } else if (message.plenigoSandbox === "cancelled") {
        this.close();
      } else if (message.plenigoSandbox === "completed") {
        const { orderId, customerSession } = message;
        this.close();
        raise("PurchaseSuccess", { orderId, data: this.#data, ...(customerSession && { customerSession }) });
      }
    };
  }

  window.plenigo = Object.assign(window.plenigo || {}, { isSandbox: true, Checkout });
})("PLENIGO_SANDBOX_TEXTS");
