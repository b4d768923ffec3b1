"""The network, and how colors are predicted with it."""
