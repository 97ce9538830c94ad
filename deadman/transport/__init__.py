"""Ports to the network: each foreign package stands behind one file, and its exceptions become ours at that wall."""
