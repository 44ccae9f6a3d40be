"""Every command the farm sends to an Android device, and how its answer is read."""
