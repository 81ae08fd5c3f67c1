"""Placing the landmarks of a face."""
