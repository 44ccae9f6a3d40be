"""REST and server-sent events for everybody: on loopback, or with TLS."""
