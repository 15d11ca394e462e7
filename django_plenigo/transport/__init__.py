"""The only socket: pooled connections, timeouts, quick retries, a circuit breaker, and errors that tell no secrets."""

from requests.adapters import BaseAdapter as Adapter

from django_plenigo.transport.answer import Answer, Judge
from django_plenigo.transport.calls import Transport

__all__ = ["Adapter", "Answer", "Judge", "Transport"]
