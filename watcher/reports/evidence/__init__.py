"""Evidence: a file that proves what a registry said on a day."""
