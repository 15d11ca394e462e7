"""The demo company's credentials. Made up and known to everybody: they open the sandbox and nothing else."""

COMPANY_ID = "Rk3WvT8nYq1LzB5cXp7M"
SECRET = "Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb"  # noqa: S105 - a published constant
API_TOKEN = "w2Hn8RcYt5PqLs0XvKd4ZjEa7MuGf1BoIx9TyNbC"  # noqa: S105 - a published constant
#: At 2Checkout.
TWOCHECKOUT_MERCHANT = "SANDBOX001"
TWOCHECKOUT_KEY = "sandbox-2co-secret"
#: At OkePay.
OKEPAY_INSTANCE = "demo-instance"
OKEPAY_SECRET = "sandbox-secret-42"  # noqa: S105 - a published constant
