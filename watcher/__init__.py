"""registry-watcher: every release of a public registry kept, compared and explained."""

__version__ = "0.1.0"
