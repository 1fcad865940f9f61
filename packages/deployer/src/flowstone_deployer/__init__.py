"""Compile a flow for a production scheduler."""
