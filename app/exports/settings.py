"""What the pods that dump and restore are told, beside how to log in to the database."""

from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints

from app.settings import DatabaseSettings

CopyName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$")]


class DumpSettings(DatabaseSettings):
    """Environment of a dump."""

    exports_place: str
    """s3://BUCKET/PREFIX, or an absolute folder."""
    exports_name: CopyName | None = None
    """Of the copy; by default the time at which it begins."""
    exports_exchange: Path = Path("/exchange")
    """The folder that is shared with PostgreSQL's programs."""


class RestoreSettings(DumpSettings):
    """Environment of a restore. DATABASE_NAME is the database that is restored, DATABASE_USER who owns what is in it."""

    exports_name: CopyName
    database_master_secret_arn: Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:secretsmanager:")] | None = (
        None
    )
    """Of the user that may make databases; without it, DATABASE_USER may."""
    restore_into: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,62}$")] | None = None
    """Name of a new database that stays beside the old one, to be looked at; without it the two change places."""
