"""Hair: the styles that ship and how they sit on a head."""
