"""The verbs: what this app does, said once. Doors translate their world into one call of these and back."""
