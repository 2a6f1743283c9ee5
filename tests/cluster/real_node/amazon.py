"""What pods reach of AWS, inside the node's network namespace: moto's S3, and the agent of EKS Pod Identity.

`amazon.py ADDRESS PORT` serves S3 there, and at the agent's own address credentials to pods that show a token of their service
account. Whose token it was is written to standard output, a line each.
"""

import base64
import json
import secrets
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from moto.server import ThreadedMotoServer

AGENT = "169.254.170.23"
"""EKS user guide, "Learn how EKS Pod Identity grants pods access to AWS services"."""

AUDIENCE = "pods.eks.amazonaws.com"


class Agent(BaseHTTPRequestHandler):
    """Answers as the agent does; EKS, which it would ask, also looks at the token's signature."""

    def do_GET(self) -> None:
        body = self.headers.get("Authorization", "").split(".")[1:2]
        claims = json.loads(base64.urlsafe_b64decode(f"{body[0]}===")) if body else {}
        if AUDIENCE not in claims.get("aud", ()):
            self.send_error(403)
            return
        print(claims["sub"], flush=True)
        expires = datetime.now(UTC) + timedelta(hours=1)
        answer = {
            "AccessKeyId": secrets.token_hex(10),
            "SecretAccessKey": secrets.token_urlsafe(30),
            "Token": secrets.token_urlsafe(30),
            "Expiration": expires.isoformat(timespec="seconds"),
        }
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing: a token is no line of a log."""


def main(address: str, port: int) -> None:
    ThreadedMotoServer(ip_address=address, port=port, verbose=False).start()
    ThreadingHTTPServer((AGENT, 80), Agent).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
