"""Usage records → ledger → what tenants, operators and Prometheus see."""
