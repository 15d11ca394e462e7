// Opens plenigo's own log-in or password reset in this page, and has the site told of a log-in.
// The session that plenigo tells is posted with the CSRF token, never put into an address, and kept nowhere.
(() => {
  "use strict";
  const settings = document.currentScript.dataset;
  const ELEMENT = "plenigo-sign-in";

  const say = (text) => {
    document.getElementById("plenigo-sign-in-message").textContent = text;
  };

  async function post(customerSession) {
    const token = await (await fetch(settings.csrfUrl, { credentials: "same-origin" })).json();
    const answer = await fetch(settings.signInUrl, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", [token.header]: token.csrf_token },
      body: JSON.stringify({ account: settings.account, customer_session: customerSession }),
    });
    return answer.json();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-plenigo-sign-in]");
    if (!button) {
      return;
    }
    if (!window.plenigo || !window.plenigo.SSO) {
      say(settings.messageScriptMissing);
      return;
    }
    const page = new window.plenigo.SSO({ elementId: ELEMENT });
    if (button.dataset.plenigoSignIn === "login") {
      page.login();
    } else {
      page.forgotPassword();
    }
  });

  document.addEventListener("plenigo.LoginSuccess", async (event) => {
    try {
      const answer = await post(event.detail.customerSession);
      if (answer.state === "connected") {
        window.location.assign(settings.next);
      } else {
        say(answer.detail || settings.messageFailed);
      }
    } catch {
      say(settings.messageFailed);
    }
  });
})();
