"""Measures of quality, and the bench that runs them: `headshot evaluate`."""
