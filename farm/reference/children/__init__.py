"""Programs that run in a runtime's own environment: nothing of the farm is there, only Python, numpy and that runtime."""
