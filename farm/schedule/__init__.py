"""What runs by itself, and when: cron, time zones, blackouts, catching up."""
