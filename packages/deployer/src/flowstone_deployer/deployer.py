"""What every production scheduler's compiler promises."""

from typing import Protocol

from flowstone_deployer.deployment import Deployment


class Deployer(Protocol):
    """Turns deployments into one scheduler's own language.

    Found by name in the entry-point group `flowstone.deployers`. A deployer talks to no
    scheduler while it compiles: what was compiled can be read, compared and tested
    without an account.
    """

    def compile(self, deployment: Deployment) -> bytes:
        """The scheduler's document for the deployment.

        A pure function: equal deployments give equal bytes, on every machine. Whatever the
        local scheduler can run can be compiled; what the target cannot express natively
        becomes a worker that drives that part of the graph.

        Raises:
            FlowstoneError: a setting that the target cannot keep; it says which, and why.
        """
