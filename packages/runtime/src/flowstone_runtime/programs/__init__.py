"""Flows driven by a program or a notebook."""
