"""The dead-man's switch for trading desks: armed, proven, kept, and shown."""

__version__ = "0.1.0"
