"""Who added a quote, its language, and what the search reads of it; every column may be empty, as for old rows.

The document is kept by a trigger and not by a generated column: adding a stored one rewrites the whole table while nobody
may read it (PostgreSQL, ALTER TABLE). The trigger also serves the version before, which names neither column.
"""

# ruff: noqa: S608, RUF001 - only constants of this file; people do write apostrophes so

from alembic import op

revision = "0003"
down_revision = "0002"

ENGLISH = (
    "the and of to is that it for you with not are be was this what have he they we who which from but his her will "
    "there all when"
)
FRENCH = (
    "le la les et de des du un une est que qui dans pour pas ne ce il elle nous vous je sur au aux en se plus par son sa "
    "ses mais sont c d j l n qu s"
)
"""Frequent words that the other language doesn't have; those that both have (on, a, me) say nothing."""


def upgrade() -> None:
    """Add the columns, and what fills them."""
    # Made by app.bootstrap_database on RDS, where this user may not.
    op.execute("CREATE EXTENSION IF NOT EXISTS unaccent")
    for code, language in (("en", "english"), ("fr", "french")):
        op.execute(f"CREATE TEXT SEARCH CONFIGURATION quotes_{code} (COPY = {language})")
        op.execute(
            f"ALTER TEXT SEARCH CONFIGURATION quotes_{code} "
            f"ALTER MAPPING FOR hword, hword_part, word WITH unaccent, {language}_stem"
        )
    op.execute("ALTER TABLE quotes ADD COLUMN owner bigint, ADD COLUMN language text, ADD COLUMN document tsvector")
    # NOT VALID: checked for old rows in 0004, without a lock that keeps others out.
    op.execute(
        "ALTER TABLE quotes ADD CONSTRAINT owner_is_a_user "
        "FOREIGN KEY (owner) REFERENCES users (id) ON DELETE SET NULL NOT VALID"
    )
    op.execute("ALTER TABLE quotes ADD CONSTRAINT known_language CHECK (language IN ('en', 'fr')) NOT VALID")
    op.execute(
        rf"""
        CREATE FUNCTION quotes_language(content text, otherwise text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT CASE WHEN french > english THEN 'fr' WHEN english > french THEN 'en' ELSE otherwise END
            FROM (
                SELECT count(*) FILTER (WHERE word = ANY ('{{{ENGLISH.replace(" ", ",")}}}')) AS english,
                       count(*) FILTER (WHERE word = ANY ('{{{FRENCH.replace(" ", ",")}}}')) AS french
                FROM regexp_split_to_table(lower(content), '[\s[:punct:]’]+') AS word
            ) AS counted
        $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION quotes_document() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE configuration regconfig;
            BEGIN
                NEW.language := coalesce(NEW.language, quotes_language(NEW.text, 'en'));
                configuration := ('quotes_' || NEW.language)::regconfig;
                NEW.document := setweight(to_tsvector(configuration, NEW.text), 'A')
                    || setweight(to_tsvector(configuration, NEW.author), 'B');
                RETURN NEW;
            END
        $$
        """
    )
    op.execute(
        "CREATE TRIGGER quotes_document BEFORE INSERT OR UPDATE OF author, text, language ON quotes "
        "FOR EACH ROW EXECUTE FUNCTION quotes_document()"
    )
