"""From a Python class on a laptop to production: every flowstone package in one."""
