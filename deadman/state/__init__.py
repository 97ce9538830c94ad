"""State: what must outlive us, in `state.toml`.

memory   what is remembered of watches and accounts, read off the board and put back on it
text     its form in the file, with the checksum that tells a damaged one
store    the file: atomic, durable, one daemon at a time
state    the task that keeps the file true, and the barrier before a bot's first lease
"""

from deadman.state.state import State
from deadman.state.store import FileStore, StateInUse, Store

__all__ = ["FileStore", "State", "StateInUse", "Store"]
