"""Alembic, driven from the program: no alembic.ini, no second way to find the database."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util.exc import CommandError
from sqlalchemy import Engine

from securelist.errors import ConfigurationError
from securelist.store.database import writing

MIGRATIONS = Path(__file__).parent / "migrations"


def alembic_config() -> AlembicConfig:
    """Alembic's settings: where the revisions are; the connection comes by `attributes["connection"]`."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Up to `revision` in one transaction: two processes that start at once do it one after the other, and once."""
    config = alembic_config()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError:
            raise ConfigurationError(
                "database-version", "the database was made by another version of securelist; use that one, or a newer one"
            ) from None


def downgrade(engine: Engine, revision: str) -> None:
    """Down to `revision` ("base" drops every table); for tests and for people who know."""
    config = alembic_config()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
