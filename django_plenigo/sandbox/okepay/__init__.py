"""The part of the sandbox that plays OkePay, a white label of Payrexx. It charges nobody.

It is written from docs/protocols/okepay.md, and from no client: what a client misreads shows as a refusal here.
"""
