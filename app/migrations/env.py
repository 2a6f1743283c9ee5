"""What alembic runs: the revisions, on the connection that `app.migrate` locked, or as SQL text for reading."""

from alembic import context

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    # One transaction for each revision: a failure leaves the schema at the one before.
    context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
