"""Everything beyond our door: venues, accounts, bots, the machine, and the daemon as it runs on it."""
