"""Compile a flow for a production scheduler.

This release holds the values and the promise that compilers are written against.
"""

from flowstone_deployer.deployer import Deployer
from flowstone_deployer.deployment import Deployment

__all__ = ["Deployer", "Deployment"]
