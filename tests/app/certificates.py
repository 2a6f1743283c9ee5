"""A certificate for servers of the tests, from an authority of its own."""

import subprocess
from pathlib import Path


class Certificates:
    """A certificate for the host name `localhost`, and for no other, from an authority of its own."""

    def __init__(self, folder: Path) -> None:
        self.authority, self.certificate, self.key = folder / "ca.pem", folder / "server.pem", folder / "server.key"
        authority_key, request, names = folder / "ca.key", folder / "server.csr", folder / "names"
        # Python 3.13 verifies strictly: without the authority's key identifier no certificate is good.
        names.write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\n")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        usage = ["-addext", "keyUsage=critical,keyCertSign"]
        sign = ["-CA", self.authority, "-CAkey", authority_key, "-CAcreateserial", "-days", "2", "-extfile", names]
        own = ["-x509", "-days", "2", "-subj", "/CN=Test", *usage]
        for command in (
            ["req", *key, "-keyout", authority_key, "-out", self.authority, *own],
            ["req", *key, "-keyout", self.key, "-out", request, "-subj", "/CN=localhost"],
            ["x509", "-req", "-in", request, "-out", self.certificate, *sign],
        ):
            subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
