"""The virtual phone, through the real adb."""
