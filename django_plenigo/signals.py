"""The signals that this package sends. Each is sent with `send_robust` after the row is committed."""

from django.dispatch import Signal

#: A local user became a customer at the vendor. sender: CustomerLink. Arguments: link (CustomerLink), user.
customer_registered = Signal()

#: The vendor will be told a user's address. Sent again where it is noted again before the vendor was told.
#: sender: CustomerLink. Arguments: user, accounts (list of aliases of PLENIGO).
email_change_requested = Signal()

#: The vendor has acknowledged an address. sender: CustomerLink. Arguments: link (CustomerLink), user, email (str).
email_change_confirmed = Signal()

#: The vendor refused an address, and no retry will help. sender: CustomerLink.
#: Arguments: link (CustomerLink), user, error (PlenigoError).
email_change_refused = Signal()

#: A reader has connected an imported subscription: she is its customer from now on. Sent after `customer_registered`,
#: unless she was that customer already. sender: CustomerLink. Arguments: link (CustomerLink), user.
account_connected = Signal()

#: A reader was led to a portal of PLENIGO_PORTALS by one click. The link is told to nobody. sender: PortalHandover.
#: Arguments: handover (PortalHandover), user, portal (str).
portal_opened = Signal()
