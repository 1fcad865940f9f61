"""Run tasks somewhere: the local executor, and the conformance kit for every other."""
