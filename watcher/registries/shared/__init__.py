"""Rules that several registries share."""
