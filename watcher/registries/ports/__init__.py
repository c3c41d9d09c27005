"""The Service Name and Transport Protocol Port Number Registry: identity, coverage, rules, events."""
