"""The table of users, and the answers kept for requests that may be repeated."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make both tables; the limit on names is that of `app.users`."""
    op.execute(
        """
        CREATE TABLE users (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text NOT NULL CONSTRAINT users_name_key UNIQUE
                CONSTRAINT name_form CHECK (name ~ '^[a-z0-9][a-z0-9._-]{2,31}$'),
            password_hash text NOT NULL,
            password_version integer NOT NULL DEFAULT 1,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    # Neither the key nor the request is kept, only what recognises them; the answer goes with the user that it is about.
    op.execute(
        """
        CREATE TABLE idempotency_keys (
            key bytea PRIMARY KEY,
            fingerprint bytea NOT NULL,
            status smallint NOT NULL,
            location text,
            body bytea NOT NULL,
            user_id bigint REFERENCES users ON DELETE CASCADE,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX idempotency_keys_user_id_idx ON idempotency_keys (user_id)")
    op.execute("CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at)")
