"""A vendor's portal as a site of its own would write one; what it is to answer, a test says."""

from django_plenigo.protocols.base import CustomerRef, Portal, PortalLink, PortalOption, PortalTarget

HOST = "store.harbour.example"
TOKEN = "f00dfeed" * 5
LINK = f"https://{HOST}/myaccount/?logintoken={TOKEN}"


class Harbour(Portal):
    """Mints the link that it is told to, or raises the error; remembers who asked for what."""

    label = "Harbour office"
    options = {"KEY": PortalOption((str,), "", is_secret=True)}
    pages = {"berths": "My berths"}

    #: What each call answers, the first first; the usual link where there is none.
    answers: list[object] = []
    calls: list[tuple[CustomerRef, PortalTarget]] = []

    @property
    def link_hosts(self) -> tuple[str, ...]:
        """Its own host, and those of the site."""
        return (HOST, *super().link_hosts)

    def mint_link(self, customer: CustomerRef, target: PortalTarget) -> PortalLink:
        """Return a link."""
        self.calls.append((customer, target))
        answer = self.answers.pop(0) if self.answers else LINK
        if isinstance(answer, Exception):
            raise answer
        return PortalLink(answer, lifetime_seconds=10)  # type: ignore[arg-type]  # a backend may return anything


class Quay(Harbour):
    """Another portal of the same kind."""

    label = "Quay"


class Ferry(Harbour):
    """A portal whose hosts are what its entry says, right or wrong."""

    options = {"HOSTS": PortalOption((object,))}

    @property
    def link_hosts(self) -> tuple[str, ...]:
        """What its developer has taken for hosts."""
        hosts: tuple[str, ...] = self.settings.options["HOSTS"]
        return hosts


PATHS = {"harbour": "tests.site.portals.Harbour", "quay": "tests.site.portals.Quay"}


def entries(**further: object) -> dict[str, dict[str, object]]:
    """Return PLENIGO_PORTALS with both; `further` is for the first."""
    found: dict[str, dict[str, object]] = {name: {"BACKEND": path, "MODE": "live"} for name, path in PATHS.items()}
    found["harbour"] |= further
    return found
