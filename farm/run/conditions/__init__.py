"""What a device is like when it is measured: gates, settings made and undone, cooling down, throttling, charging."""
