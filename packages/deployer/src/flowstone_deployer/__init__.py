"""Compile a flow for a production scheduler.

Each scheduler has a package of its own here; AWS Step Functions is `flowstone_deployer.step_functions`.
"""
