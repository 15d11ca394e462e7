"""Wire formats of the vendors: no settings, no models, no Django registry."""
