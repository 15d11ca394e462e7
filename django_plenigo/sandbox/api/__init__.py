"""The vendor's API, version 2."""
