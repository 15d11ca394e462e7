"""Sell articles and subscriptions through plenigo (Frisbii Media) from a Django site."""

__version__ = "0.1.0"
