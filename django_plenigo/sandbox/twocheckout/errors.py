"""What a call gets instead of a result. Codes and names are our choice: docs/protocols/2checkout.md 5."""


class RpcError(Exception):
    """The API says no, and nothing has been done."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


def not_json() -> RpcError:
    """Return the refusal of a body that is no JSON."""
    return RpcError(-32700, "Parse error")


def invalid_request() -> RpcError:
    """Return the refusal of what is no call."""
    return RpcError(-32600, "Invalid Request")


def unknown_method() -> RpcError:
    """Return the refusal of a method that there is not."""
    return RpcError(-32601, "Method not found")


def invalid_params() -> RpcError:
    """Return the refusal of too many or too few params, and of wrong types."""
    return RpcError(-32602, "Invalid params")


def authentication_failed() -> RpcError:
    """Return the one refusal of every log-in, which says nothing of the reason."""
    return RpcError(1, "AUTHENTICATION_FAILED")


def session_invalid() -> RpcError:
    """Return the refusal of a session that is unknown or over."""
    return RpcError(2, "SESSION_INVALID")


def forbidden() -> RpcError:
    """Return the refusal of sign-on links to a merchant without a custom domain."""
    return RpcError(3, "FORBIDDEN")


def customer_not_found() -> RpcError:
    """Return the refusal of a customer whom the merchant does not have."""
    return RpcError(4, "CUSTOMER_NOT_FOUND")


def invalid_parameter(name: str) -> RpcError:
    """Return the refusal of one parameter."""
    return RpcError(5, f"INVALID_PARAMETER: {name}")


def subscription_not_found() -> RpcError:
    """Return the refusal of a subscription that is unknown or not the customer's."""
    return RpcError(6, "SUBSCRIPTION_NOT_FOUND")


def token_invalid() -> RpcError:
    """Return the refusal of a token that is unknown, used or expired."""
    return RpcError(7, "TOKEN_INVALID")
