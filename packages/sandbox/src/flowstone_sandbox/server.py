"""The cloud, on a socket of 127.0.0.1: all of its parts, put together and taken apart in order."""

import contextlib
import logging
import os
import random
import socket
import threading
from collections.abc import Iterator
from typing import Any

from flowstone_sandbox.access import new_credentials
from flowstone_sandbox.batch import BatchService, Capacity, JobHost, Jobs
from flowstone_sandbox.control import Control
from flowstone_sandbox.edge import Edge
from flowstone_sandbox.errors import PortTakenError
from flowstone_sandbox.events import Rules
from flowstone_sandbox.faults import Faults
from flowstone_sandbox.furnish import furnish
from flowstone_sandbox.logs import LogDelivery
from flowstone_sandbox.moto_version import check_moto
from flowstone_sandbox.options import ACCOUNT, Folders, Running, SandboxOptions
from flowstone_sandbox.scheduler import Clock, Schedules, Targets
from flowstone_sandbox.step_functions import Repairs

_BACKLOG = 512
_POLL_SECONDS = 0.1
"""How late the server may be in noticing that it shall end."""


def bound_socket(port: int) -> socket.socket:
    """A socket that listens on 127.0.0.1, and nowhere else.

    Raises:
        PortTakenError: somebody else has the port.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise PortTakenError(port, os.strerror(error.errno or 0)) from error
    return listening


@contextlib.contextmanager
def serving(options: SandboxOptions, folders: Folders) -> Iterator[Running]:
    """Serve while the context lasts; at its end no job is left.

    Raises:
        PortTakenError: the port that was asked for cannot be had.
        WrongMotoError: moto is not the one that the sandbox knows.
    """
    check_moto()
    listening = bound_socket(options.port)
    running = Running(listening.getsockname()[1], os.getpid(), new_credentials())
    logs = LogDelivery()
    host = JobHost(options, folders.temporary / "jobs", running.variables, logs)
    capacity = Capacity.of(options.vcpus, options.memory_mib, options.gpus, options.slots)
    jobs = Jobs(capacity, host, ACCOUNT)
    faults = Faults(random.Random())  # noqa: S311 -- which request fails is no secret
    targets = Targets(running)
    schedules = Schedules(Clock(), targets)
    control = Control(jobs, host, logs, faults, schedules, lambda: furnish(running, options))
    repairs = Repairs(running, jobs)
    edge = Edge(
        _moto(),
        running.credentials,
        faults,
        BatchService(jobs),
        control,
        {"states": repairs.apply, "scheduler": schedules.begin, "events": Rules(targets).begin},
    )
    server = _http_server(listening, edge)
    host.open(jobs.attempt_ended)
    threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name="http", daemon=True).start()
    try:
        furnish(running, options)
        yield running
    finally:
        server.shutdown()
        server.server_close()
        host.close()


def _moto() -> Any:
    from moto.core.config import default_user_config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    default_user_config["stepfunctions"]["execute_state_machine"] = True
    return DomainDispatcherApplication(create_backend_app)


def _http_server(listening: socket.socket, edge: Edge) -> Any:
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    class Handler(MotoRequestHandler):  # type: ignore[misc]  # mypy is not shown moto
        protocol_version = "HTTP/1.1"  # connections are used again
        disable_nagle_algorithm = True

        def connection_dropped(self, *_: object) -> None:
            """Close it: what was announced will not come, and nothing can follow."""
            self.close_connection = True

        def log_request(self, *_: object) -> None:
            """Say nothing: a client asks hundreds of times a second."""

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    return make_server("127.0.0.1", 0, edge, threaded=True, request_handler=Handler, fd=listening.detach())
