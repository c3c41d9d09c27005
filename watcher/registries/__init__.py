"""What is special to a registry: its columns, identity, pairing, statuses and rules. One module a registry.

`watcher.registries.table.REGISTRIES` is the table of them.
"""
