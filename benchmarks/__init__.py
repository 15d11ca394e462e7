"""Measurements against a peer in the same run. Gates are ratios and counts: figures of one machine say little."""
