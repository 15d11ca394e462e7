"""After a full run no link, token, session or signature is in an access log, a log record, a table or the cache."""

import logging
import os
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from django_plenigo import backends
from django_plenigo.models import CustomerLink, PortalHandover, WebhookDelivery
from django_plenigo.protocols.okepay.signing import api_signature
from django_plenigo.sandbox import callbacks, credentials
from django_plenigo.sandbox.models import Callback, TwoCheckoutSession
from django_plenigo.services import customers, due_work, portals
from tests.factories import UserFactory
from tests.portals import full_run
from tests.portals.clicking import Form
from tests.sandbox.serving import serving

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "a-signing-key-of-okepay-that-is-made-up"
TOKEN = "a-token-in-the-address-of-okepay-that-is-made-up"
EMAIL = "reader@example.com"
WEBHOOKS = "/plenigo/webhooks"


PROOFS = {"key": {"WEBHOOK_KEYS": [KEY]}, "token": {"WEBHOOK_TOKENS": [TOKEN]}}


class Run:
    """A site, its vendors, a reader, and all that has come to light."""

    def __init__(self, site, vendor, sandbox, records, client):
        self.site, self.vendor, self.sandbox, self.records = site, vendor, sandbox, records
        # The site's pools keep their connections open, for which the end of the server would wait.
        self.vendor.block_on_close = False
        self.vendor.application = self.wire = full_run.Wire(vendor.application)
        self.postman = full_run.Postman()
        self.user = UserFactory(username="reader", email=EMAIL)
        client.force_login(self.user)
        self.browser = full_run.Browser(site, client.session.session_key)
        self.given: set[str] = set()

    def set_up(self, settings, generation, proof="key"):
        """Name the vendors in the settings, and the site's addresses at the vendors.

        `proof` is that of OkePay's webhooks: "key", or "token" in the address.
        """
        api, paths = self.vendor.url, "django_plenigo.protocols"
        account = {"API": generation, "MODE": "sandbox", "DELIVERY": "", "HOSTS": {"api": api, "static": api}}
        account["EMAIL_IS_VERIFIED"] = "tests.webhooks.conftest.is_verified"
        settings.PLENIGO_PORTALS = {
            "okepay": {"BACKEND": f"{paths}.okepay.OkePay", "MODE": "sandbox", "API_URL": api, **PROOFS[proof]},
            "2checkout": {"BACKEND": f"{paths}.twocheckout.TwoCheckout", "MODE": "sandbox", "API_URL": api},
        }
        query, key = ("", KEY) if proof == "key" else (f"?token={TOKEN}", "")
        self.sandbox.add_webhook("okepay", f"{self.site}{WEBHOOKS}/okepay/{query}", signing_key=key)
        for kind in ("ipn", "lcn"):
            self.sandbox.add_webhook(kind, f"{self.site}{WEBHOOKS}/2checkout/")
        if generation == "v3":
            url = f"{self.site}{WEBHOOKS}/plenigo/"
            told = Callback.objects.create(company=self.sandbox.company, url=url, events=callbacks.EVENT_NAMES)
            account["WEBHOOK_SECRETS"] = [told.secret]
            self.given.add(told.secret)
        settings.PLENIGO = {"default": account}
        backends._portals.clear()

    def buy(self):
        """Buy at each vendor, who tells the site; each delivery comes again, and once with a byte more."""
        customers.register(self.user)
        self.sandbox.okepay_contact(EMAIL, reference_id=portals.reference_for(self.user, "okepay"))
        self.sandbox.twocheckout_order(portals.reference_for(self.user, "2checkout"), email=EMAIL)
        self.sandbox.send_webhooks(self.postman.post_and_read)
        self.sandbox.send_callbacks(self.postman.post)
        # Before the work, while the bodies are still there: they are all that may hold a signature now.
        due_work.run_due_work()

    def click(self, portal):
        """Open a portal and return the status; what the browser is given is kept."""
        page = self.browser.open(f"/plenigo/portal/{portal}/")
        form = Form(page.text)
        response = self.browser.submit(form.action, form.fields)
        if link := response.headers.get("Location"):
            self.given |= {link, *full_run.SECRET_WORD.findall(link)}
        return response.status_code

    def open_snippet(self, generation):
        """Open plenigo's own pages as our script does."""
        self.browser.open("/plenigo/portals/")
        if generation == "v2":
            answer = self.browser.fetch("/plenigo/api/login-tokens/", account="default", page="/my/", amount=2)
            self.given |= set(answer.json()["login_tokens"])
        else:
            answer = self.browser.fetch("/plenigo/api/transfer-token/", account="default", page="/my/")
            self.given.add(answer.json()["transfer_token"])

    def secrets(self):
        """Return all that must be nowhere, without what is none."""
        vendors = {credentials.SECRET, credentials.API_TOKEN, credentials.OKEPAY_SECRET, credentials.TWOCHECKOUT_KEY}
        found = self.given | self.wire.secrets() | self.postman.secrets | vendors | {KEY, TOKEN}
        ours = {account.our_reference for account in self.user.portal_accounts.all()}
        return {
            secret
            for secret in found
            if secret not in ours | full_run.PUBLIC and not secret.startswith(f"{self.site}/")
        }

    def leaks(self, printed=""):
        """Return where which secret is found."""
        places = {"records": "\n".join(self.records.texts), "printed": printed, "cache": full_run.cached()}
        places |= full_run.tables()
        written = {text: secret for secret in self.secrets() for text in full_run.spellings(secret)}
        return sorted(
            (place, secret) for place, text in places.items() for one, secret in written.items() if one in text
        )


@pytest.fixture(params=["locmem", "redis"])
def kept_cache(request, settings):
    """Each kind of cache that can be looked through."""
    if request.param == "redis":
        if not full_run.redis_is_named():
            pytest.skip("REDIS_URL names no server, such as redis://127.0.0.1:6379/15.")
        redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": os.environ["REDIS_URL"]}
        settings.CACHES = {"default": redis}
    return request.param


@pytest.fixture
def run(kept_cache, sandbox, client):
    with full_run.every_record() as records, serving() as vendor, full_run.served() as site:
        run = Run(site, vendor, sandbox, records, client)
        yield run
        run.browser.session.close()
        backends._portals.clear()
        backends._clients.clear()


@pytest.mark.parametrize("generation", ["v2", "v3"])
def test_no_secret_of_a_full_run_is_kept_or_logged(run, settings, generation, admin_user, capfd):
    run.set_up(settings, generation)
    run.buy()
    assert set(run.postman.statuses) == {(200, 200, 400)}
    assert [run.click(portal) for portal in ("okepay", "2checkout")] == [303, 303]
    run.open_snippet(generation)
    run.sandbox.fail_next(503, times=None)
    assert [run.click(portal) for portal in ("okepay", "2checkout")] == [503, 503]
    run.sandbox.clear_faults()
    staff = Client()
    staff.force_login(admin_user)
    for model in (WebhookDelivery, PortalHandover, CustomerLink):
        name = f"{model._meta.app_label}/{model._meta.model_name}"
        for address in (f"/admin/{name}/", f"/admin/{name}/{model.objects.first().pk}/change/"):
            page = staff.get(address)
            assert page.status_code == 200
            assert [secret for secret in run.secrets() if secret in page.content.decode()] == []
    # The run was one: each kind of secret came into being, the log of requests was written.
    assert TwoCheckoutSession.objects.exists()
    assert {"django.server", "urllib3.connectionpool"} <= run.records.names
    assert len(run.given) >= 5
    assert run.leaks("".join(capfd.readouterr())) == []


@pytest.mark.parametrize("kept_cache", ["locmem"], indirect=True)
def test_token_in_the_address_of_webhooks_is_kept_and_logged_nowhere_either(run, settings, capfd):
    run.set_up(settings, "v2", "token")
    run.buy()
    # Nothing signs what OkePay delivers now, so that with a byte more is another hint, and all of them are read back.
    assert set(run.postman.statuses) == {(200, 200, 200), (200, 200, 400)}
    assert run.user.portal_accounts.get(portal="okepay").reference
    assert any("/v1.0/Subscription/" in path or "/v1.0/Transaction/" in path for path in run.wire.paths)
    call_command("plenigo_check_portals")
    assert any("/v1.0/SignatureCheck/" in path for path in run.wire.paths)
    address = f"{run.site}{WEBHOOKS}"
    looks = {
        (method, path): run.postman.call(method, f"{address}/{path}?token={TOKEN}").status
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST")
        for path in ("okepay/", "okepay", "nobody/", "nobody")
    }
    assert {status for (_method, path), status in looks.items() if path.startswith("okepay")} == {200, 405, 415}
    assert looks["GET", "okepay"] == looks["HEAD", "okepay"] == looks["GET", "okepay/"] == 200
    assert looks["POST", "nobody"] == looks["GET", "nobody/"] == 404
    assert "django.server" in run.records.names
    assert run.leaks("".join(capfd.readouterr())) == []


def test_secret_that_is_logged_kept_or_cached_would_be_found(run, settings):
    run.set_up(settings, "v3")
    run.buy()
    run.click("okepay")
    assert run.leaks() == []
    link = next(secret for secret in run.given if secret.startswith("http"))
    logging.getLogger("a.site.of.its.own").debug("Opened %s", link)
    assert ("records", link) in run.leaks()
    run.records.texts.clear()
    call_command("plenigo_check_portals")
    signature = api_signature(credentials.OKEPAY_SECRET, [("model", "SignatureCheck")])
    logging.getLogger("a.site.of.its.own").debug("GET /?%s", urlencode({"ApiSignature": signature}))
    assert ("records", signature) in run.leaks()
    run.records.texts.clear()
    cache.set("link", link.encode().hex())
    assert ("cache", link) in run.leaks()
    cache.clear()
    run.user.first_name = KEY
    run.user.save()
    assert {place for place, _secret in run.leaks()} >= {"auth.User"}
