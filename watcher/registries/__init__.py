"""The rules of each registry: columns, identity, pairing, statuses, events. `catalog.REGISTRIES` lists them."""
