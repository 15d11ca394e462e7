"""An app that plays the vendor plenigo: its API, its check-out and its merchant backend. It charges nobody.

It is written from the vendor's protocol (docs/protocols/plenigo-v2.md), imports no other module of this package and is
reached by dotted path only: what the client misreads shows as a refusal here.
"""
