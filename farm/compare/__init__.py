"""Two recordings side by side: layers, outputs, accuracy, latency. Pure functions of stored data."""
