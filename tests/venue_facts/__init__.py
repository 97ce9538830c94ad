"""What we rely on of the venues: each statement is one short test, with the public document that makes it.

Usually they are put to the simulated venues, in no time. With `DEADMAN_LIVE=config.toml` and `-n 0` they are put to the
test networks of whichever of the config's accounts are there (never to a mainnet: see `places.py`), one after the other
and with their real waits, and `venue-facts.md` says what held, what differs, what cannot be tried there, and what the
venue answered where no document does.

Orders are the smallest there are, at half the market's price; they carry a label of their own, by which they are
cancelled whatever happens. The account's switch is left as it was found. Some facts cancel all that the account has:
use one that has nothing to lose.
"""
