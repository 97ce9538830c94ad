"""What the venue tells of its markets and its order book's terms, and of the money of whoever asks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from deadman.simulator.sxbet.ledger import Account

USDC = "0x1BC6326EA6aF2aB8E4b6Bc83418044B1923b2956"
GAMES = (("L1", "Alpha United", "Beta City"), ("L2", "Gamma Town", "Delta Rovers"))
"""Fixtures: id and teams."""


def hash_of(fixture: str) -> str:
    return f"0x{hashlib.sha256(fixture.encode()).hexdigest()}"


def active(params: Mapping[str, Any]) -> dict[str, Any]:
    wanted = params.get("sportXeventId")
    games = [game for game in GAMES if wanted in (None, game[0])]
    return {"markets": [as_json(*game) for game in games], "nextKey": None}


def as_json(fixture: str, one: str, two: str) -> dict[str, Any]:
    teams = {"outcomeOneName": one, "outcomeTwoName": two, "teamOneName": one, "teamTwoName": two}
    sport = {"sportLabel": "Soccer", "sportId": 5, "leagueId": 1, "leagueLabel": "Simulated League"}
    state = {"status": "ACTIVE", "type": 52, "gameTime": 4_102_444_800, "liveEnabled": False, "mainLine": True}
    return state | teams | sport | {"marketHash": hash_of(fixture), "sportXeventId": fixture, "outcomeVoidName": "VOID"}


def metadata() -> dict[str, Any]:
    domain = {"name": "SX Bet", "version": "6.0", "chainId": 79479957, "verifyingContract": f"0x{1:040x}"}
    limits = {"orderSizeMinimum": "1", "maxCancelOrders": 100}
    return {"domain": domain, "activeAsset": {"baseToken": USDC}, "oddsLadderStepSize": 125, "limits": limits}


def proxy(account: Account) -> dict[str, Any]:
    return {"obv3ProxyWalletAddress": account.address, "deployed": True, "multisigSafeAddress": None}


def balance(account: Account) -> dict[str, Any]:
    amounts = {"availableAmount": "1000000000", "pendingAvailableAmount": "0"}
    amounts |= {"escrowedAmount": "0", "pendingEscrowAmount": "0"}
    return {"balances": [{"userAddress": account.address, "tokenAddress": USDC} | amounts]}
