"""The vendor's API, version 3."""
