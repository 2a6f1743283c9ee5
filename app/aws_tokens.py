"""The only module that knows AWS: login tokens for RDS and ElastiCache, and the database's master secret.

Credentials come from where botocore finds them: in a pod from the EKS Pod Identity agent, which botocore asks again
before they expire. Tokens are signed locally (SigV4 presigning); no request leaves the pod for them. Functions block
for at most one question to the agent: call them in a thread.
"""

import json
import threading
from dataclasses import dataclass, field
from urllib.parse import urlencode

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from botocore.model import ServiceId  # type: ignore[import-untyped]
from botocore.session import Session, get_session  # type: ignore[import-untyped]
from botocore.signers import RequestSigner  # type: ignore[import-untyped]

TOKEN_SECONDS = 900
"""Life of a token: the 15 minutes that RDS and ElastiCache allow at most.

It limits logging in, not the connection made with it.
"""


class AwsError(Exception):
    """AWS gave no credentials or no secret; the message says what was tried."""


@dataclass(frozen=True)
class MasterLogin:
    """The master user of an RDS instance, as RDS keeps it in Secrets Manager."""

    user: str
    password: str = field(repr=False)


class AwsTokens:
    """Signs login tokens with the pod's own credentials, for one region. Safe to use from several threads."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._session: Session = get_session()
        self._lock = threading.Lock()  # botocore's sessions are not made for threads; its credentials are

    def database(self, host: str, port: int, user: str) -> str:
        """Password of `user` for an RDS instance, good for `TOKEN_SECONDS`. Raises `AwsError`."""
        return self._presigned("rds-db", f"{host}:{port}", {"Action": "connect", "DBUser": user})

    def cache(self, name: str, user: str, *, serverless: bool) -> str:
        """Password of `user` for an ElastiCache replication group (its id) or serverless cache, good for `TOKEN_SECONDS`.

        Raises `AwsError`.
        """
        query = {"Action": "connect", "User": user}
        if serverless:
            # A serverless cache refuses a token without it, and a replication group one with it.
            query["ResourceType"] = "ServerlessCache"
        # ElastiCache signs over the name in lower case, whatever the case it was asked for in.
        return self._presigned("elasticache", name.lower(), query)

    def _presigned(self, service: str, authority: str, query: dict[str, str]) -> str:
        try:
            with self._lock:
                credentials = self._session.get_credentials()
            if credentials is None:
                raise AwsError(
                    "no AWS credentials found; is there a Pod Identity association for this service account?"
                )
            signer = RequestSigner(
                ServiceId(service),
                self._region,
                service,
                "v4",
                credentials,
                self._session.get_component("event_emitter"),
            )
            # The signer wants a scheme; both services want the token without it.
            url = f"https://{authority}/?{urlencode(query)}"
            request = {"method": "GET", "url": url, "body": {}, "headers": {}, "context": {}}
            token: str = signer.generate_presigned_url(request, operation_name="connect", expires_in=TOKEN_SECONDS)
        except BotoCoreError as error:
            raise AwsError(f"no token for {service}: {error}") from error
        return token.removeprefix("https://")


def master_login(secret_arn: str, region: str) -> MasterLogin:
    """Read the secret that RDS manages for its master user. Raises `AwsError`, never with the secret in its text."""
    try:
        answer = get_session().create_client("secretsmanager", region_name=region).get_secret_value(SecretId=secret_arn)
    except (BotoCoreError, ClientError) as error:
        raise AwsError(f"the master secret {secret_arn} cannot be read: {error}") from error
    try:
        secret = json.loads(answer["SecretString"])
        return MasterLogin(secret["username"], secret["password"])
    except (KeyError, TypeError, ValueError):
        # `from None`: the JSON error would carry the secret along.
        raise AwsError(
            f"the secret {secret_arn} is not one of RDS: it must be JSON with username and password"
        ) from None
