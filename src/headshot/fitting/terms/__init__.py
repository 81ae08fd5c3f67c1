"""Residual terms of a fit, one a module."""
