"""Formulas that measure predictions against truth: pure functions on arrays, for training and measuring."""
