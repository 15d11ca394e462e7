"""Ways to have due changes sent after a commit, for the setting DELIVERY: a thread of this process, or at once."""

from django_plenigo.services import sending


def now(accounts: list[str]) -> None:
    """Send what is due before the save that noted it returns. For tests: it waits for the vendor."""
    sending.deliver_due(accounts)


def in_thread(accounts: list[str]) -> None:
    """Send what is due in a thread of this process."""
    now(accounts)
