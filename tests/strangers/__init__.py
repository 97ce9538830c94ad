"""Other people's clients at the simulated venues' doors, unpatched: where they get on, the simulation is no fiction.

Each is skipped where its package is missing. Heartbeats come every half second here, to be seen in a short test.
"""
