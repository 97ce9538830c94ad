"""Simulated worlds in which the daemon lives, and the laws that must hold in all of them."""
