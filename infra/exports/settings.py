"""Section `exports`: when copies are made, and how long they are kept."""

from typing import Self

from pydantic import Field, model_validator

from infra import versions
from infra.release import Image
from infra.settings import Section


class ExportsSettings(Section):
    """Section `exports` of an AWS stack file; without it nothing is dumped, and `ops db backup` has nothing to work with."""

    start_hour: int = Field(3, ge=0, le=23)
    """In UTC: the database's dump begins then, the export of Kubernetes' objects half an hour later."""

    keep_days: int = Field(30, ge=1, le=3650)
    """Days after which S3 deletes a copy (REQUIREMENTS I8: 30)."""

    keep_after_deletion: bool = True
    """Whether S3 refuses to delete the bucket while it holds copies; apart from `protection`, which prevents it before."""

    deadline_hours: int = Field(4, ge=1, le=23)
    """After which a dump has failed: a day later the next one begins."""

    missing_hours: int = Field(28, ge=2, le=168)
    """Age of the last copy from which on somebody is told: a day, and time for the dump itself."""

    postgresql_image: Image = versions.POSTGRESQL_CLIENT_IMAGE
    """With `sh`, and with pg_dump, pg_restore and psql of the server's major version or a newer one."""

    @model_validator(mode="after")
    def _a_copy_is_missed_after_it_could_have_been_made(self) -> Self:
        if self.missing_hours < 24 + self.deadline_hours:
            raise ValueError(
                f"missing_hours {self.missing_hours} would tell of a copy that is only being made: it begins every 24 hours "
                f"and may take deadline_hours ({self.deadline_hours}); ask for {24 + self.deadline_hours} or more"
            )
        return self
