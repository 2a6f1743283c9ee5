"""The table of quotes."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table; the limits are those of `app.quotes`, so that no other writer can exceed them."""
    op.execute(
        """
        CREATE TABLE quotes (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            author text NOT NULL CONSTRAINT author_length CHECK (char_length(author) BETWEEN 1 AND 200),
            text text NOT NULL CONSTRAINT text_length CHECK (char_length(text) BETWEEN 1 AND 2000),
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
