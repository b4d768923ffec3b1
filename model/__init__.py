"""The network and everything that speaks its language."""
