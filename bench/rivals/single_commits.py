"""The gateway as it would be without group commit: each operation is a transaction of its own.

Everything else is the same code. More transactions run at the same time than there are lanes in the real one, because
that is what this design would need.
"""

from parley_gateway.__main__ import gateway
from parley_gateway.shell import writer

#: Transactions at the same time.
AT_ONCE = 12

if __name__ == "__main__":
    writer.BATCH = 1
    writer.LANES = AT_ONCE
    gateway()
