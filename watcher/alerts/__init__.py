"""Who receives what over which channel, and the delivery of it."""
