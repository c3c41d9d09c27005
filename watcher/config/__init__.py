"""The configuration file: its tables and values, reading it, and the light overview for commands that only read."""
