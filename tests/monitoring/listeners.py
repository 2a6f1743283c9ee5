"""Those whom Alertmanager writes to, on loopback: a web server as Slack, PagerDuty, Discord and heartbeat, and one of mail."""

import json
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.app.servers import free_port

ANSWERS = {"slack": (200, b"ok"), "pagerduty": (202, b"{}"), "discord": (204, b""), "alive": (200, b"OK")}
"""Status and body by the first part of the path, as each answers what it has taken."""


@dataclass(frozen=True)
class Message:
    """What came to the web server."""

    path: str
    body: dict[str, Any]


@dataclass
class Web:
    """Takes everything that is posted; the first part of the path tells to whom."""

    messages: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status, answer = ANSWERS[self.path.split("/")[1]]
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                messages.append(Message(self.path, body))
                self.send_response(status)
                if answer:
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Nothing: the messages are kept."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def to(self, receiver: str, about: str = "") -> list[dict[str, Any]]:
        """The bodies that one receiver got, those that mention a namespace or an alert."""
        return [
            message.body
            for message in [*self.messages]
            if message.path.startswith(f"/{receiver}/") and about in json.dumps(message.body)
        ]


@dataclass
class Mail:
    """An SMTP server that wants STARTTLS and a login, and keeps what it is given."""

    certificate: Path
    key: Path
    username: str
    password: str
    messages: list[EmailMessage] = field(default_factory=list)
    logins: list[LoginPassword] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = free_port()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=self._admit,
            auth_exclude_mechanism=["LOGIN"],  # its questions here are not the ones that Alertmanager knows
        )

    def _admit(self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, login: Any) -> AuthResult:
        self.logins.append(login)
        return AuthResult(success=login == LoginPassword(self.username.encode(), self.password.encode()))

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop(no_assert=True)

    def about(self, subject: str) -> list[EmailMessage]:
        """The messages whose subject has this in it."""
        return [message for message in [*self.messages] if subject in str(message["Subject"])]
