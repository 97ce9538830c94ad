"""Watches: how trading processes tell us that they live, and what their silence does.

protocol    what a datagram says, and many of them folded into one mail        (pure)
inbox       where a watch's mail waits for the loop, and the port to it
sockets     the sockets: whose file, whose group, what the kernel tells of a datagram
reader      the thread that reads them, so that no sender ever waits for our loop
judgement   what the watches of an account mean for it                         (pure)
rounds      the loop's part: read, judge, post
"""

from deadman.watches.inbox import Inboxes, InMemoryInboxes
from deadman.watches.reader import SocketInboxes
from deadman.watches.rounds import Watches
from deadman.watches.sockets import SocketFault

__all__ = ["InMemoryInboxes", "Inboxes", "SocketFault", "SocketInboxes", "Watches"]
