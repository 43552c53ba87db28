"""Bring our tables up to a revision of the schema, with Alembic."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:
    from alembic.config import Config


def migrate(connection: Connection, revision: str = "head") -> None:
    """Apply the missing migrations, up to a revision, in the connection's transaction."""
    from alembic import command  # noqa: PLC0415

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def known_revisions() -> frozenset[str]:
    """Return the revisions that this version of sweeper knows."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory.from_config(_config())
    return frozenset(revision.revision for revision in scripts.walk_revisions())


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    location = str(Path(__file__).with_name("migrations")).replace("%", "%%")  # configparser's escape
    config.set_main_option("script_location", location)
    config.set_main_option("path_separator", "os")
    return config
