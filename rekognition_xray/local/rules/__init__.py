"""What each operation does: states, limits, errors. No HTTP and no SQL."""
