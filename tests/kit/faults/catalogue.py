"""Every fault, once: for the tests and for the bench."""

from kit.faults import billing, clients, gateways, postgres, valkey

FAULTS = [*gateways.FAULTS, *valkey.FAULTS, *postgres.FAULTS, *billing.FAULTS, *clients.FAULTS]
#: One of each kind, for `make test`.
QUICK = [fault for fault in FAULTS if fault.quick]
