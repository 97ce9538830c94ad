"""What keeps a verb from being done, in words for people, and its exit code (contract, section 1)."""

from __future__ import annotations


class Complaint(Exception):
    """Something was not done. Never raised itself; raise one of its leaves."""

    exit_code = 1


class Failed(Complaint):
    """It was tried or refused, and is not done."""


class Misused(Complaint):
    """What was typed cannot be meant."""

    exit_code = 2


class Unreachable(Complaint):
    """The daemon cannot be talked to."""

    exit_code = 69
