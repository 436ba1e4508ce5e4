"""``parley tenant``: the registry by hand, for installations without the operator."""
