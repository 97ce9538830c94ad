"""The operator's hand: a Unix socket for looking and for changing, in JSON-RPC."""
