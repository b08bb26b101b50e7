"""Checks of the ten promises on the running installation: what was looked at, what was found, what can't be seen."""
