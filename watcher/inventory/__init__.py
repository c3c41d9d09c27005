"""Lists of what somebody uses from a registry: ports of a firewall, services of a host, code points of a library."""
