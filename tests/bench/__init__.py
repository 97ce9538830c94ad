"""What the daemon costs, measured beside bare clients of the same libraries. A program, no part of the tests."""
