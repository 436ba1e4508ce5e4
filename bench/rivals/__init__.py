"""Servers that only send, to compare with: each prints its port, then sends to all clients for each byte it reads."""
