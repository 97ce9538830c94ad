"""The demo's story: the world it plays in, its chapters, and the telling."""
