"""2Checkout: JSON-RPC, myAccount, buy links and webhooks. Source: docs/protocols/2checkout.md."""
