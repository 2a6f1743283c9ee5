"""`python -m app.healthcheck`: the image's HEALTHCHECK, since it has neither a shell nor curl.

Status 0 when /healthz answers 200.
"""

import http
import http.client
import os
import sys


def main() -> int:
    """Ask /healthz once; returns the process' exit status."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "5000")), timeout=3)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except OSError as error:
        print(f"/healthz does not answer: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    return 0 if status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main())
