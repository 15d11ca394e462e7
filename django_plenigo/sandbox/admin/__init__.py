"""The merchant backend: what a publisher's staff does at the vendor's, and the dials of the sandbox."""

from . import merchant, simulation, single_sign_on

__all__ = ["merchant", "simulation", "single_sign_on"]
