"""What is played: which worlds, which troubles in them, and how a failure is told."""
