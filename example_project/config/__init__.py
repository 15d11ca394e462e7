"""The example newspaper's project."""
