"""Old quotes become searchable, in small transactions; then the index, without keeping anybody from writing.

Each step commits, and each can be done again: a migration that is stopped here goes on here.
"""

# ruff: noqa: S608 - only constants of this file

from alembic import context, op

revision = "0004"
down_revision = "0003"

BATCH = 1000

FILL = f"""
    WITH batch AS (SELECT id FROM quotes WHERE document IS NULL ORDER BY id LIMIT {BATCH} FOR UPDATE)
    UPDATE quotes SET language = quotes_language(text, 'en') FROM batch WHERE quotes.id = batch.id
"""
INDEXES = {"quotes_by_document": "USING gin (document)", "quotes_by_owner": "(owner)"}
INVALID = "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('{}') AND NOT indisvalid"


def upgrade() -> None:
    """Fill, check, index."""
    with op.get_context().autocommit_block():
        fill()
        op.execute("ALTER TABLE quotes VALIDATE CONSTRAINT owner_is_a_user")
        op.execute("ALTER TABLE quotes VALIDATE CONSTRAINT known_language")
        # They wait for every running transaction, but nobody waits for them: only the Job's deadline bounds them.
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        for name, what in INDEXES.items():
            index(name, what)
        op.execute("SET lock_timeout = '5s'")
        op.execute("SET statement_timeout = '5min'")


def fill() -> None:
    """Batch after batch, until there is none."""
    if context.is_offline_mode():
        op.execute(FILL)
        return
    while op.get_bind().exec_driver_sql(FILL).rowcount:
        pass


def index(name: str, what: str) -> None:
    """Anew if an interrupted attempt left one that serves nobody."""
    if not context.is_offline_mode() and op.get_bind().exec_driver_sql(INVALID.format(name)).first():
        op.execute(f"DROP INDEX CONCURRENTLY {name}")
    op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON quotes {what}")
