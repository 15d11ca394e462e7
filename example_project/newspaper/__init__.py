"""A small newspaper that sells its articles through plenigo."""
