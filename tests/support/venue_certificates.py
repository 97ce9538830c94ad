"""Certificates for venues on loopback: one authority for the whole run, since making one takes a while."""

from __future__ import annotations

import ssl
from functools import cache

import trustme


@cache
def authority() -> trustme.CA:
    return trustme.CA()


@cache
def served(host: str = "127.0.0.1") -> ssl.SSLContext:
    """What a venue at this host shows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority().issue_cert(host).configure_cert(context)
    return context


@cache
def trusted() -> ssl.SSLContext:
    """What trusts our authority and no other."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context
