"""What the rules of several registries share."""
