"""Watches: how trading processes tell us that they live, and what their silence does.

protocol      what a datagram says, and many of them folded into one mail            (pure)
inbox         where a watch's mail waits for the loop: the port, and one in memory
sockets       the socket files: whose, and in place of what a crash left
datagrams     what the kernel tells of a datagram: when it came, from whom, what came along
senders       who may check in
socket_inbox  one socket, read by the thread and by the loop
reader        the thread that reads them all, so that no sender ever waits for our loop
judgement     what the watches of an account mean for it                             (pure)
heed          what is done at a process's own word
rounds        the loop's part: read, judge, post
silences      what a crash of ours must not forget of bots that are silent
words         what is told to people
"""

from deadman.checkins.reader import SocketInboxes
from deadman.checkins.rounds import Watches
from deadman.checkins.silences import SilenceFiles, SilenceStore
from deadman.checkins.sockets import Inboxes, InMemoryInboxes
from deadman.transport.unix import SocketFault

__all__ = ["InMemoryInboxes", "Inboxes", "SilenceFiles", "SilenceStore", "SocketFault", "SocketInboxes", "Watches"]
