"""What the tags of portals are tested with."""

from tests.portals.conftest import bind, boater, harbour

__all__ = ["bind", "boater", "harbour"]
