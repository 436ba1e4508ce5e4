"""What waits, and never decides."""
