"""The commands of a flow file: one module each, with `command(flow)` that builds it."""
