"""Cameras, poses, light, and rasterisation of triangle meshes."""
