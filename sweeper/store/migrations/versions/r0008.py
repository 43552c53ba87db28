"""Attempts keep the energy that counters of their machine showed over them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns; the energy of earlier attempts is not known."""
    op.add_column("sweeper_attempts", sa.Column("cpu_joules", sa.Float(), nullable=True))
    op.add_column("sweeper_attempts", sa.Column("gpu_joules", sa.Float(), nullable=True))
