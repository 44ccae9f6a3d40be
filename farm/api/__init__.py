"""REST and server-sent events on loopback."""
