"""Runs on a production scheduler: what is deployed, and the jobs that do its tasks.

A job is told which task it is, and finds the rest in the store: tasks have names that follow from where they stand
in the graph, and each writes a part of the journal that is named after it. So nothing runs beside the jobs.
"""
