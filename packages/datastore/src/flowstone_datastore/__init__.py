"""Content-addressed artifacts and run journals: a place for Python values that never stores the same bytes twice."""
