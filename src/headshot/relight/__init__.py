"""Heads in other light: shadows, highlights, light that bounces and light that spreads below the skin.

`relit` makes a picture; `headshot.geometry.environment` makes light. Slower than `headshot.render`, whose
previews have one soft light and no shadows.
"""

from headshot.relight.picture import RelightSettings, relit

__all__ = ["RelightSettings", "relit"]
