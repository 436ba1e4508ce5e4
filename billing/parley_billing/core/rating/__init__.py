"""Rating: from quantities and a plan to amounts. Pure; integers, Decimals and fractions; one pricing model per file.

Where to begin: `line` (the order in which one line is calculated), `statement` (the same for a whole invoice),
`part` (one subscriber's part of a period, with proration). docs/rating.md explains each with worked examples.
"""
