"""People are told how a run ended: by a real server of a service, and a real one of mail."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

FLOW = """
    import time

    from flowstone import exit_hook
    from flowstone.notify import Email, Slack, Webhook

    @exit_hook(
        on_success=[Webhook("$NEWS", headers={"X-Key": "$NEWS_KEY"})],
        on_error=[Slack("$SLACK"), Email(["a@example.org", "b@example.org"], server="$MAIL")],
    )
    class Told(FlowSpec):
        fails = Parameter("fails", default=False)

        @step
        def start(self):
            self.items = [1, 2]
            self.next(self.work, foreach="items")

        @step
        def work(self):
            if self.fails and self.input == 2:
                raise ValueError("no item 2 today")
            if self.fails:
                time.sleep(60)  # it is stopped when the other one has failed
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Told()
"""


class Service(HTTPServer):
    """Keeps what is posted; the first answers are those that it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ServiceHandler)
        self.posts = []
        self.answers = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret-path"


class ServiceHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((dict(self.headers), json.loads(body)))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.end_headers()

    def log_message(self, *arguments) -> None:
        pass


class Mail(socketserver.ThreadingTCPServer):
    """As much of RFC 5321 as a message needs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), MailHandler)
        self.messages = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class MailHandler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        receivers = []
        for line in self.rfile:
            word = line.split()[0].upper()
            if word == b"RCPT":
                receivers.append(line.decode().partition("<")[2].partition(">")[0])
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                text = b"".join(iter(self.rfile.readline, b".\r\n")).decode()
                self.server.messages.append((receivers, text))
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 well\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def service():
    with Service() as server:
        yield server
        server.shutdown()


@pytest.fixture
def mail():
    with Mail() as server:
        yield server
        server.shutdown()


def test_a_service_is_told_of_success(flow_file, service) -> None:
    """As data, after the service was busy once; nothing that is stored has its address."""
    service.answers = [503]
    flow = flow_file(FLOW)
    flow.call("run", environ={"NEWS": service.url, "NEWS_KEY": "k"})
    run = flow.latest_run()
    (_, first), (headers, news) = service.posts
    assert first == news
    assert headers["X-Key"] == "k"
    assert (news["run"], news["flow"], news["state"]) == (run.pathspec, "Told", "finished")
    assert news["failed"] == []
    assert news["finished_at"] >= news["created_at"]
    stored = b"".join(file.read_bytes() for file in flow.store.rglob("*") if file.is_file())
    assert b"secret-path" not in stored


def test_people_are_told_which_task_failed_and_why(flow_file, service, mail) -> None:
    """In Slack and by mail, in a sentence each; nothing of those that were stopped because of it."""
    environ = {"SLACK": service.url, "MAIL": f"127.0.0.1:{mail.server_address[1]}"}
    flow = flow_file(FLOW)
    flow.call("run", "--fails", "true", "--max-workers", "2", exit_code=1, environ=environ)
    run = flow.latest_run()
    ((_, said),) = service.posts
    lines = said["text"].splitlines()
    assert lines[0].startswith(f"{run.pathspec} failed: ")
    assert lines[1:] == [f"{run.pathspec}/work/1: ValueError: no item 2 today"]
    ((receivers, text),) = mail.messages
    assert receivers == ["a@example.org", "b@example.org"]
    assert f"Subject: {run.pathspec} failed" in text
    assert "no item 2 today" in text


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "the variable NEWS is not set where the run ended"),
        ({"NEWS": "ftp://nowhere/secret"}, "it is no http or https URL"),
        ({"NEWS": "http://127.0.0.1:9/secret"}, "Connection refused"),
    ],
)
def test_who_cannot_be_told_is_said_and_the_run_is_what_it_is(flow_file, environ, message) -> None:
    """The hook has failed, not the run; and an address is a secret."""
    flow = flow_file(FLOW)
    output = flow.call("run", environ={**environ, "NEWS_KEY": "k"})
    assert message in output
    assert "secret" not in output
    assert flow.latest_run().successful


def test_a_service_that_refuses_is_not_asked_again(flow_file, service) -> None:
    service.answers = [404]
    output = flow_file(FLOW).call("run", environ={"NEWS": service.url, "NEWS_KEY": "k"})
    assert "127.0.0.1: HTTP status 404" in output
    assert len(service.posts) == 1
