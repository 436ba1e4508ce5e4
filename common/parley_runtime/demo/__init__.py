"""The demo: every real part on one machine, with two tenants and an article to discuss.

The parent (:mod:`parley_runtime.demo.run`) owns the public port and starts the rest as children: Valkey and Postgres
unless the user names their own, billing, and the gateway, which is the front. It imports no room: programs are
started by name.
"""
