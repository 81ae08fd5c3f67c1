"""``headshot relight``: pictures of a saved head in other light."""
