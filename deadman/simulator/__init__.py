"""The venues as their documents describe them: what we are tried against, and the oracle of the tests.

Nothing here knows how deadman works, and nothing here is imported by it but by `demo` and `simulate`: a misreading of a
document must not be able to hide by being made twice. What the documents leave open is a named field of `Settings`.

    exchange   orders, and who may cancel them
    faults     everything that can go wrong, as knobs a test sets and a person types (`commands`)
    http       an HTTP/1.1 server, for both
    deribit    Deribit over WebSocket and HTTP, and Coinbase's gateway to it
    sxbet      SX Bet's second and third generation, over HTTP
    network    both on in-memory links, under a mock clock
    listen     both on loopback sockets with real TLS
    simulate   both for people to try bots and daemon against
    demo       both with the daemon and a bot (`demo_world`), telling a story
"""
