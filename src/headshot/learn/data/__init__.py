"""Data sets for training: readers of what their authors distribute, one family a module."""
