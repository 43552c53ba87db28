"""How many trials of a study share a GPU, as a pilot chose."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "sweeper_packings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("card", sa.String(length=200), nullable=False),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("sharing", sa.String(length=10), nullable=False),
        sa.Column("workload", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=200), nullable=False),
        sa.Column("free_bytes", sa.BigInteger(), nullable=True),
        sa.Column("alone", sa.JSON(), nullable=False),
        sa.Column("stages", sa.JSON(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("device_seconds", sa.Float(), nullable=False),
        sa.Column("measured_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["sweeper_studies.id"], name=op.f("fk_sweeper_packings_study_id_sweeper_studies")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sweeper_packings"),
        sa.UniqueConstraint(
            *("study_id", "card", "threads", "sharing", "workload"),
            name=op.f("uq_sweeper_packings_study_id_card_threads_sharing_workload"),
        ),
    )
