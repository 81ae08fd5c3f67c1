"""Named indices into meshes and landmark sets that others defined."""
