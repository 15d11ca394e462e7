"""A site that webhooks are posted to, in this process."""

import requests

from django_plenigo.sandbox.posting import Reply


class Site:
    """Answers with a status and a body, and remembers what it was told."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.body = ""
        self.calls = []

    def __call__(self, url, body, headers):
        self.calls.append((url, body, headers))
        if self.status is None:
            raise requests.ConnectTimeout("https://site.example/?secret")
        return Reply(self.status, self.answer_to(body))

    def answer_to(self, body):
        return self.body
