"""Programs for users, on top of the library."""
