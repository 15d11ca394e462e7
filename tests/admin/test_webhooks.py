"""The log of what vendors have delivered: why it was refused, what came of it, and what an agent can do."""

import html

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from django_plenigo.models import WebhookDelivery
from django_plenigo.protocols.base import SIGNATURE_CODES
from django_plenigo.services.webhooks import Reason, words_of
from django_plenigo.services.webhooks.reasons import OTHER_SIGNATURE
from tests.admin.conftest import confirm, messages_of, text_of

pytestmark = pytest.mark.django_db

LIST = "/admin/plenigo/webhookdelivery/"
LOOKING = ("view_webhookdelivery",)


def delivery(**values):
    return WebhookDelivery.objects.create(**{"source": "plenigo", "received_at": timezone.now(), **values})


@pytest.fixture
def failed():
    """A delivery that has failed."""
    return delivery(state="failed", reason="given_up", body=b"{}", digest="1", processed_at=timezone.now())


def listed(client, **query):
    return {row.pk for row in client.get(LIST, query).context["cl"].result_list}


def test_list_is_filtered_by_source_and_state(admin_client, failed, settings):
    on_v3 = {**settings.PLENIGO["default"], "API": "v3"}
    settings.PLENIGO = {"default": on_v3, "weekly": on_v3}
    refused = delivery(source="plenigo-weekly", state="refused", reason="no signature")
    assert listed(admin_client) == {failed.pk, refused.pk}
    assert listed(admin_client, source="plenigo-weekly") == {refused.pk}
    assert listed(admin_client, state="failed") == {failed.pk}
    assert listed(admin_client, state="no such state") == {failed.pk, refused.pk}


def test_page_of_a_refused_delivery_says_why_and_what_to_do(admin_client):
    row = delivery(state="refused", reason="no signature", last_error="plenigo-signature")
    page = html.unescape(text_of(admin_client.get(f"{LIST}{row.pk}/change/")))
    assert "It is not signed." in page
    assert "What is named below was missing." in page
    assert "plenigo-signature" in page
    assert "Work on it again" not in page


@pytest.mark.parametrize("reason", [*Reason.values, *SIGNATURE_CODES])
def test_every_reason_has_its_own_words(reason):
    assert words_of(reason) != OTHER_SIGNATURE
    assert all(str(text).endswith(".") for text in words_of(reason))


def test_word_of_another_release_is_told_in_general_words():
    assert words_of("a word of tomorrow").meaning == "Its signature was not accepted."


def test_nobody_can_add_or_change_a_delivery(admin_client, failed):
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{failed.pk}/change/", {"state": "done"}).status_code == 403


def test_agent_has_it_worked_on_again_after_a_question(agent_who_may, failed):
    agent = agent_who_may("retry_webhookdelivery", looking=LOOKING)
    page = text_of(agent.post(LIST, {"action": "work_again", "_selected_action": [failed.pk]}))
    assert "fails again unless its cause has been mended" in page
    failed.refresh_from_db()
    assert failed.state == "failed"
    response = confirm(agent, f"{LIST}work-again/", failed)
    assert messages_of(response) == ["1 delivery will be worked on again."]
    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == ("waiting", 0)
    assert failed.due_at <= timezone.now()
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message, entry.user) == (
        str(failed.pk),
        "Had it worked on again.",
        agent.agent,
    )


def test_what_is_done_or_was_refused_cannot_be_worked_on_again(agent_who_may):
    agent = agent_who_may("retry_webhookdelivery", looking=LOOKING)
    rows = [delivery(state="done", digest="2"), delivery(state="refused")]
    response = confirm(agent, f"{LIST}work-again/", *rows)
    assert messages_of(response) == ["None of these can be worked on again; nothing was done."]
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {"done", "refused"}
    assert not LogEntry.objects.exists()


def test_agent_who_may_only_look_has_nothing_worked_on_again(agent_who_may, failed):
    agent = agent_who_may(looking=LOOKING)
    assert "Work on it again" not in text_of(agent.get(f"{LIST}{failed.pk}/change/"))
    assert "work_again" not in text_of(agent.get(LIST))
    assert confirm(agent, f"{LIST}work-again/", failed).status_code == 403


def test_page_of_what_has_failed_leads_to_the_question(agent_who_may, failed):
    page = text_of(agent_who_may("retry_webhookdelivery", looking=LOOKING).get(f"{LIST}{failed.pk}/change/"))
    assert f'href="{LIST}work-again/?ids={failed.pk}"' in page


def test_list_reads_no_bodies(admin_client, failed, django_assert_max_num_queries):
    delivery(state="waiting", due_at=timezone.now(), body=b"x", digest="3")
    with django_assert_max_num_queries(8) as queries:
        text_of(admin_client.get(LIST))
    assert [query["sql"] for query in queries if '"body"' in query["sql"]] == []
