"""Run by Alembic for each command: the revisions, on the connection that the program hands over."""

from __future__ import annotations

from alembic import context

from securelist.store import schema_contacts, schema_upkeep  # noqa: F401  their tables count, too
from securelist.store.schema import Base

# Batch mode: SQLite changes a column only by copying its table.
context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True)
context.run_migrations()
