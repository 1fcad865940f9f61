"""What a step or a flow can be decorated with: one module for each, all built on `declared`.

Nothing is imported here: a flow loads the decorators that it has.
"""
