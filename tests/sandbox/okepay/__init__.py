"""OkePay as the sandbox plays it."""
