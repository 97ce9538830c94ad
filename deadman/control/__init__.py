"""The control socket, through which operators look at accounts and change them, in JSON-RPC."""
