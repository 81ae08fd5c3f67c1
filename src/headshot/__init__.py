"""Headshot: one ordinary photo of a face in, a textured, animatable 3D head out."""
