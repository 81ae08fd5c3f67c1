"""Losses of training: meshes (`mesh`) and pictures (`perceptual`)."""
