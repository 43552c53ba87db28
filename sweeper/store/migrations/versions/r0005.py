"""Studies keep what they declared before they had results; phases mark the trials that were added afterwards."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; what earlier studies declared is not known."""
    op.add_column("sweeper_studies", sa.Column("declared", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("sweeper_phase_trials", sa.Column("late", sa.Boolean(), nullable=False, server_default=sa.false()))
