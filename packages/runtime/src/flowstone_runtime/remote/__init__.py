"""A task on a machine that has a Python and nothing else: everything comes from the store, by content."""
