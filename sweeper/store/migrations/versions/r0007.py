"""Where each claim is, as of the last decision; and when a study's budget ended."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table and the columns; earlier claims are worked out from their looks when they are shown."""
    op.add_column("sweeper_studies", sa.Column("budget_ended_at", sa.Float(), nullable=True))
    op.add_column("sweeper_studies", sa.Column("budget_end_decided", sa.Boolean(), nullable=True))
    op.create_table(
        "sweeper_claim_states",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("exploratory", sa.Boolean(), nullable=False),
        sa.Column("stage", sa.String(length=12), nullable=False),
        sa.Column("look", sa.Integer(), nullable=False),
        sa.Column("most_looks", sa.Integer(), nullable=True),
        sa.Column("seeds", sa.Integer(), nullable=False),
        sa.Column("most_seeds", sa.Integer(), nullable=True),
        sa.Column("level_left", sa.Float(), nullable=True),
        sa.Column("estimate", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["study_id"], ["sweeper_studies.id"], name=op.f("fk_sweeper_claim_states_study_id_sweeper_studies")
        ),
        sa.PrimaryKeyConstraint("study_id", "claim", name="pk_sweeper_claim_states"),
    )
