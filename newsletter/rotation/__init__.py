"""Rotation: everything that is sealed is sealed anew under the current SECRET_KEY, while the service runs."""
