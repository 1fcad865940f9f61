"""Driving a run on this machine: which attempt starts when and where, and what follows."""
