"""SX Bet's heartbeat and open orders over HTTP, in its second and third generation.

Sources: docs.sx.bet (heartbeat, API key, error codes, rate limits) and, for the third generation, what published
clients send and read. `Settings` names what neither settles.
"""
