"""A throwaway authority for loopback TLS. Its key lives in memory and dies with the process."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import trustme

NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Authority:
    """What a client has to trust, and what a listener shows."""

    pem: bytes
    server: ssl.SSLContext

    def client(self) -> ssl.SSLContext:
        """A context that trusts this authority and no other."""
        return ssl.create_default_context(cadata=self.pem.decode())


def new_authority() -> Authority:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*NAMES).configure_cert(server)
    return Authority(authority.cert_pem.bytes(), server)
