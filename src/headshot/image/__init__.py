"""Reading photos, and resampling them."""
