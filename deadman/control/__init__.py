"""The operator's hand: one Unix socket for looking and for changing.

server      `serve`: the socket in the loop, a task for each client
place       the socket's file: made ready before anybody meets it
connection  a client's stream, past the descriptors it may send along
lines       lines from and to a client that may be slow, silent, endless or gone
rpc         the format, which clients speak too
policy      who may do what
seats       how many may ask at once, and how often
refusals    how often a refusal is logged
params      what came with a request, checked
call        a request for a change, by somebody who may
commands    arm, disarm, trip
holds       hold, release
vetoes      what an operator's word cannot do to an account                          (pure)
changes     waiting for the board to say so
outcome     how far a command has come, in words
disk        waiting for the disk to know of it too
disarms     `end_disarms`: those that were given a time
"""
