"""What decides, and never waits."""
