"""Devices: adb with wall-clock deadlines, what a device is and can do, which of them a selector means."""
