"""Head models: shapes, albedo, correspondences, and readers of other formats."""
