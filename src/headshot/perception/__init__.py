"""What networks see in a photo: faces, landmarks, parts, and who it may be."""
