"""Workers: several processes, on any number of hosts, that share a history in PostgreSQL. Start with `worker`."""
