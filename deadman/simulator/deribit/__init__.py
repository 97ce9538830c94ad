"""Deribit's WebSocket API v2, and Coinbase's gateway to it.

Sources: docs.deribit.com (session management, authentication, access scope, rate limits, errors) and, for the timing of
heartbeats and idle cuts, published measurements of production. `Settings` names what no document settles.
"""
