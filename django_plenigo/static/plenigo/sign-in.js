// Opens plenigo's own log-in or password reset in this page, and has the site told of a log-in.
// The session that plenigo tells is posted with the CSRF token, never put into an address, and kept nowhere.
(() => {
  "use strict";
  const settings = document.currentScript.dataset;
  const ELEMENT = "plenigo-sign-in";

  const buttonOf = (event) => (event.target instanceof Element ? event.target.closest("[data-plenigo-sign-in]") : null);

  const ours = window.djangoPlenigo;
  if (!ours?.container) {
    // The scripts of {% plenigo_sdk %}, which stand before it, did not come: then there is nothing else to say it with.
    document.addEventListener("click", (event) => {
      const element = document.getElementById(ELEMENT);
      if (element && buttonOf(event)) {
        element.setAttribute("role", "alert");
        element.textContent = settings.messageScriptMissing;
      }
    });
    return;
  }
  const { openAlone, page, post, say, sentence, vendorScript } = ours.parts;
  const { emptied, lookAt, tell } = ours.container;

  let opened = null; // what was opened last
  let isOpen = false;

  // The vendor's script tells of no page that its reader closes: its element is empty then.
  const closing = new MutationObserver(() => {
    isOpen = isOpen && opened.container.hasChildNodes();
  });

  function open(button) {
    if (isOpen && opened.button === button) {
      lookAt(opened.container);
      return null;
    }
    return openAlone(
      button,
      async (isOn) => {
        say(button, settings.messageOpening);
        const sdk = await vendorScript(settings.messageScriptMissing);
        if (typeof sdk.SSO !== "function") {
          throw new Error("This script has no log-in.");
        }
        if (isOn()) {
          say(button, "");
          start(button, sdk);
        }
      },
      settings.messageFailed
    );
  }

  function start(button, sdk) {
    closing.disconnect();
    isOpen = false;
    opened = { button, ...emptied(ELEMENT, button.textContent.trim()) };
    const { container } = opened;
    closing.observe(container, { childList: true });
    const signIn = new sdk.SSO({ elementId: ELEMENT });
    isOpen = true; // before the call, which may tell of an error at once
    try {
      if (button.dataset.plenigoSignIn === "login") {
        signIn.login();
      } else {
        signIn.forgotPassword();
      }
    } catch (error) {
      isOpen = false;
      throw error;
    }
    lookAt(container);
  }

  document.addEventListener("click", (event) => {
    const button = buttonOf(event);
    if (button) {
      event.preventDefault();
      open(button);
    }
  });

  document.addEventListener("plenigo.Error", () => {
    if (opened) {
      isOpen = false; // the next click begins anew
      tell(opened, settings.messageFailed);
    }
  });

  document.addEventListener("plenigo.LoginSuccess", async (event) => {
    if (!opened) {
      return;
    }
    const told = opened;
    isOpen = false;
    try {
      const session = { account: settings.account, customer_session: event.detail.customerSession };
      const answer = await post(settings.signInUrl, { ...session, page: page() });
      if (answer.state !== "connected") {
        throw new Error("The answer connects nobody.");
      }
      window.location.assign(settings.next);
    } catch (error) {
      tell(told, sentence(error, settings.messageFailed));
    }
  });
})();
