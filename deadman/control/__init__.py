"""The operator's hand: one Unix socket for looking and for changing.

server      `serve`: the socket in the loop
policy      who may do what
commands    arm, disarm, trip
holds       hold, release
disarms     `end_disarms`: those that were given a time
rpc         the format, which clients speak too
"""
