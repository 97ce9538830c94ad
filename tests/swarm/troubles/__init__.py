"""What goes wrong, each trouble begun at one moment and healed at another."""
