"""The merchant backend: what a publisher's staff does at the vendor's, and the dials of the sandbox."""

from . import callbacks, merchant, okepay, sales, simulation, single_sign_on, twocheckout, webhooks

__all__ = ["callbacks", "merchant", "okepay", "sales", "simulation", "single_sign_on", "twocheckout", "webhooks"]
