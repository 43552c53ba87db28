"""Pilots keep what their runs measured of the study's metric, and with which seed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns; earlier runs have no values."""
    op.add_column("sweeper_pilots", sa.Column("seed", sa.BigInteger(), nullable=True))
    op.add_column("sweeper_pilots", sa.Column("metric", sa.String(length=200), nullable=True))
    op.add_column("sweeper_pilots", sa.Column("value", sa.Float(), nullable=True))
