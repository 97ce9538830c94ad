"""SX Bet."""
