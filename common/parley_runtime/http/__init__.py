"""What every HTTP side of Parley has in common: problems, cross-origin reading, tokens, health, metrics, listening."""
