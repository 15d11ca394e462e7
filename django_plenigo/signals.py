"""The signals that this package sends. Each is sent with `send_robust` after the row is committed."""

from django.dispatch import Signal

#: A local user became a customer at the vendor. sender: CustomerLink. Arguments: link (CustomerLink), user.
customer_registered = Signal()
