"""The schema's history: alembic revisions, numbered, written in SQL, only ever expanding."""
