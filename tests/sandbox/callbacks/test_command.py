"""The command that sends callbacks without the sandbox's own server."""

import json

import pytest
from django.core.management import CommandError, call_command

from django_plenigo.sandbox import callbacks, customers
from django_plenigo.sandbox.models import Callback
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY
from tests.sandbox.callbacks.receiving import listening


class TestCommand:
    def test_due_callbacks_are_sent_without_a_server(self, sandbox, ada, capsys):
        with listening() as (url, received, _heads):
            Callback.objects.create(company=sandbox.company, url=url, events=callbacks.EVENT_NAMES)
            sandbox.buy(ada, MONTHLY)
            call_command("plenigo_sandbox_callbacks")
        assert [json.loads(body)["entityType"] for _path, body in received] == ["ORDER", "SUBSCRIPTION"]
        assert capsys.readouterr().out == "2 of 2 due callbacks were told.\n"

    def test_site_that_fails_is_an_error_of_the_command(self, sandbox, ada, capsys):
        Callback.objects.create(company=sandbox.company, url="http://127.0.0.1:9/", events=callbacks.EVENT_NAMES)
        sandbox.buy(ada, DAY_PASS)
        with pytest.raises(CommandError, match="made again later"):
            call_command("plenigo_sandbox_callbacks")
        assert capsys.readouterr().out == "0 of 1 due callbacks were told.\n"

    def test_only_one_companys_are_sent_where_it_is_named(self, sandbox, other_company, capsys):
        with listening() as (url, received, _heads):
            for company in (sandbox.company, other_company):
                Callback.objects.create(company=company, url=url, events=callbacks.EVENT_NAMES)
                customers.register_customer(company, f"{company.pk}@example.com")
            call_command("plenigo_sandbox_callbacks", company=other_company.company_id)
        assert [json.loads(body)["entity"]["email"] for _path, body in received] == [f"{other_company.pk}@example.com"]
        with pytest.raises(CommandError, match="no company 'X'"):
            call_command("plenigo_sandbox_callbacks", company="X")

    def test_nothing_due_is_fine(self, sandbox, capsys):
        call_command("plenigo_sandbox_callbacks")
        assert capsys.readouterr().out == "0 of 0 due callbacks were told.\n"

    def test_one_run_sends_all_that_is_due(self, sandbox, site):
        Callback.objects.create(company=sandbox.company, url="http://a.example/", events=["CUSTOMER.CREATION"])
        for number in range(120):
            sandbox.create_customer(email=f"{number}@example.com")
        assert sandbox.send_callbacks(site) == 120
