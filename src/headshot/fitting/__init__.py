"""Fitting the head model to photos."""
