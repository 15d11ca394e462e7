// What API v3 opens in a container of the page: checkouts that the vendor prepares, and self service.
// What the vendor's script tells of a purchase is a hint: our server asks the vendor whose order it is.
(() => {
  "use strict";
  const ours = window.djangoPlenigo;
  if (!ours || ours.startPrepared) {
    return; // the script stands in the page twice
  }
  const { settings, endOpened, handOver, openAlone, openOffer, page, post, say, show } = ours.parts;
  const { vendorScript, waitForPurchase } = ours.parts;

  const STARTS = ["start", "login", "register"];
  // In place of an order's id.
  const ALREADY_BOUGHT = -1;
  const NOT_FOR_SALE = -2;
  const NOT_FOUND = 404;

  let current = null; // the checkout or the self service that is open

  // ---- the container -----------------------------------------------------------------------------------------

  // {% plenigo_sdk %} prints it in a template element, which may stand in the head as well.
  function placeContainer() {
    for (const template of document.querySelectorAll("template[data-plenigo-container]")) {
      const isInPage = document.body.contains(template);
      if (document.getElementById(settings.elementId)) {
        template.remove(); // the site has one of its own
      } else if (isInPage) {
        template.replaceWith(template.content);
      } else {
        document.body.append(template.content);
        template.remove();
      }
    }
  }

  function containerOf(id) {
    placeContainer();
    const there = document.getElementById(id);
    if (there) {
      return there;
    }
    const made = document.createElement("div");
    made.id = id;
    document.body.append(made);
    return made;
  }

  // Without what is left of what was open before, and with a region that tells of what opens now.
  function emptied(id, label) {
    const container = containerOf(id);
    container.replaceChildren();
    const region = newRegionBefore(container);
    if (!container.hasAttribute("role") || container.dataset.plenigoLabelled) {
      container.setAttribute("role", "region");
      container.setAttribute("aria-label", label);
      container.dataset.plenigoLabelled = "true"; // by us, so that the next label may take its place
    }
    container.tabIndex = -1;
    return { container, region };
  }

  function lookAt(container) {
    if (!container.contains(document.activeElement)) {
      container.focus({ preventScroll: true });
    }
    container.scrollIntoView({ block: "nearest" });
  }

  // ---- what the reader is told -------------------------------------------------------------------------------

  // A live region right before an element; it is there before its words are, else they are not read out. One of an
  // earlier checkout goes, and with it what waits there.
  function newRegionBefore(element) {
    const before = element.previousElementSibling;
    if (before?.matches(".plenigo-message-checkout")) {
      before.remove();
    }
    const region = document.createElement("p");
    region.className = "plenigo-message plenigo-message-checkout";
    region.setAttribute("role", "status");
    region.tabIndex = -1;
    element.before(region);
    return region;
  }

  // Say a sentence, and give what can be done about it: `{label, run}` a button, `{label, href}` a link.
  function tell({ region }, text, action) {
    show(region, text);
    if (action) {
      const element = document.createElement(action.href ? "a" : "button");
      element.textContent = action.label;
      if (action.href) {
        element.href = action.href;
      } else {
        element.type = "button";
        element.className = "plenigo-button";
        element.addEventListener("click", action.run);
      }
      region.append(" ", element);
    }
    region.focus();
  }

  // ---- the checkout ------------------------------------------------------------------------------------------

  function startPrepared(answer, { offer, place }) {
    if (!STARTS.includes(answer.start) || typeof window.plenigo.Checkout !== "function") {
      throw new Error("The answer opens no checkout of this script.");
    }
    const options = { elementId: settings.elementId, ...answer.options };
    const { container, region } = emptied(options.elementId, settings.labelCheckout);
    current = { offer, place, region, purchaseUrl: answer.purchase_url, next: answer.next };
    new window.plenigo.Checkout(answer.purchase_id, options)[answer.start]();
    lookAt(container);
  }

  // The checkout that an event is about: the open one, or the one that the page waits for which readers return to.
  function purchaseOfPage() {
    const waiting = document.querySelector("[data-plenigo-purchase-url]");
    if (!current && waiting) {
      current = { waiting, region: newRegionBefore(waiting), purchaseUrl: waiting.dataset.plenigoPurchaseUrl };
    }
    return current;
  }

  // Nothing will come that could be waited for.
  function end(purchase, text, action) {
    purchase.waiting?.remove();
    tell(purchase, text, action);
  }

  const wayBack = ({ next, purchaseUrl }) =>
    next || new URLSearchParams(purchaseUrl.split("?")[1]).get("next") || "/";

  async function confirm(purchase, orderId, customerSession) {
    // Who has it already as a customer, and is none here yet, logs in here first.
    if (orderId === ALREADY_BOUGHT && !customerSession) {
      end(purchase, settings.messageAlreadyBought, { label: settings.labelReadOn, href: wayBack(purchase) });
      return;
    }
    if (orderId === NOT_FOR_SALE) {
      end(purchase, settings.messageNotForSale);
      return;
    }
    if (purchase.isConfirming) {
      return;
    }
    purchase.isConfirming = true;
    tell(purchase, settings.messageConfirming);
    try {
      const answer = await post(purchase.purchaseUrl, { order_id: orderId, customer_session: customerSession });
      if (answer.is_bought === true) {
        tell(purchase, settings.messageBought);
        window.location.assign(purchase.next || answer.next);
        return;
      }
    } catch (error) {
      if (error.status === NOT_FOUND && error.message) {
        end(purchase, error.message);
        return;
      }
      // Throttled, out of order, no JSON: the page that waits asks again.
    }
    wait(purchase);
  }

  // As the page does that readers return to, which waits already.
  function wait(purchase) {
    const { region, waiting } = purchase;
    if (waiting) {
      return;
    }
    purchase.waiting = region;
    region.dataset.plenigoStarted = "true";
    region.dataset.plenigoPurchaseUrl = purchase.purchaseUrl;
    region.dataset.messageBought = settings.messageBought;
    region.dataset.messageLate = settings.messageLate;
    waitForPurchase(region, purchase.next);
  }

  function offerAgain(purchase) {
    const { offer, place } = purchase;
    const run = () => {
      endOpened();
      openOffer(offer, place?.isConnected ? place : null);
    };
    const again = offer ? { run } : { href: wayBack(purchase) };
    end(purchase, settings.messagePaymentFailed, { label: settings.labelTryAgain, ...again });
  }

  function listen(name, handle) {
    document.addEventListener(name, (event) => {
      const purchase = purchaseOfPage();
      if (purchase && !purchase.button) {
        handle(purchase, event);
      }
    });
  }

  // The vendor's own examples read the id from the event itself.
  const orderIdOf = (event) => parseInt(event.detail?.orderId ?? event.orderId, 10);

  // Once and for all checkouts, so before any of them is started.
  listen("plenigo.PurchaseSuccess", (purchase, event) =>
    // A visitor has logged in inside the checkout: our server keeps the session until she has logged in here.
    confirm(purchase, orderIdOf(event), event.detail?.customerSession)
  );
  listen("plenigo.PurchaseFailed", offerAgain);
  listen("plenigo.Error", (purchase) =>
    tell(purchase, settings.messageBroken, { label: settings.labelReload, run: () => window.location.reload() })
  );

  // ---- self service ------------------------------------------------------------------------------------------

  // The transfer token works once and for thirty seconds: it is asked for on the click, when all else is there.
  function openSelfService(button) {
    const { messageSelfServiceFailed, messageSelfServiceMissing } = settings;
    return openAlone(
      button,
      async (isOn) => {
        say(button, settings.messageSelfServiceOpening);
        await vendorScript(messageSelfServiceMissing);
        const body = await post(settings.transferTokenUrl, { account: button.dataset.account, page: page() });
        if (typeof body.transfer_token !== "string" || typeof window.plenigo.Snippets !== "function") {
          throw new Error("The answer opens no self service of this script.");
        }
        if (isOn()) {
          handOver(button, () => startSelfService(button, body.transfer_token), messageSelfServiceMissing);
        }
      },
      messageSelfServiceFailed
    );
  }

  function startSelfService(button, transferToken) {
    const { plenigoSnippet: snippet, navigation, subscriptionId } = button.dataset;
    const { container, region } = emptied(settings.elementId, settings.labelSelfService);
    current = { button, region };
    const service = new window.plenigo.Snippets(transferToken, {
      elementId: settings.elementId,
      // Name, e-mail address and password are those of this site.
      displaySettings: { SSO: { personalDetails: "VIEW", twoFactor: "HIDE" } },
      ...(navigation && { navigation }),
      ...(subscriptionId && { subscriptionId: Number(subscriptionId) }),
    });
    if (snippet) {
      service.open(snippet);
    } else {
      service.start();
    }
    lookAt(container);
  }

  document.addEventListener("click", (event) => {
    const element = event.target instanceof Element ? event.target : null;
    const button = element?.closest("[data-plenigo-snippet]");
    if (button) {
      event.preventDefault();
      openSelfService(button);
    }
  });

  document.addEventListener("plenigo.Error", () => {
    if (current?.button) {
      const { button } = current;
      const run = () => {
        endOpened();
        openSelfService(button);
      };
      tell(current, settings.messageSelfServiceFailed, { label: settings.labelTryAgain, run });
    }
  });

  ours.startPrepared = startPrepared;
  // For our own script of what else opens in an element of the page.
  ours.container = Object.freeze({ emptied, lookAt, tell });
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", placeContainer);
  } else {
    placeContainer();
  }
})();
