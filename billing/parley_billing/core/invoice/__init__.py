"""Invoices by EN 16931: from rated usage to a document whose sums anybody can redo. Pure; never a float.

Where to begin: `drafting` (usage and plans become an invoice), `summing` (VAT and totals), `checker` (every
rule, to the cent), `chain` (the journal that shows whether anything was changed), `cii` and `ubl` (the two XML forms).
"""
