"""Rounds of seeds: what was looked at, what was asked for and why, and the order in which the queue takes trials."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def _columns() -> None:
    op.add_column("sweeper_studies", sa.Column("open_round", sa.Integer(), nullable=True))
    op.add_column("sweeper_trials", sa.Column("rank", sa.Integer(), nullable=False, server_default="0"))
    op.drop_index("ix_sweeper_trials_phase_id_state_number", table_name="sweeper_trials")
    op.create_index(
        "ix_sweeper_trials_phase_id_state_rank_number", "sweeper_trials", ["phase_id", "state", "rank", "number"]
    )


def _study(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["study_id"], ["sweeper_studies.id"], name=op.f(f"fk_{table}_study_id_sweeper_studies")
    )


def _rounds() -> None:
    op.create_table(
        "sweeper_rounds",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
        _study("sweeper_rounds"),
        sa.PrimaryKeyConstraint("study_id", "number", name="pk_sweeper_rounds"),
    )


def _looks() -> None:
    op.create_table(
        "sweeper_looks",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("claim", sa.String(length=200), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("p_support", sa.Float(), nullable=False),
        sa.Column("p_refute", sa.Float(), nullable=False),
        sa.Column("p_adjusted", sa.Float(), nullable=False),
        sa.Column("p_refuted_adjusted", sa.Float(), nullable=False),
        sa.Column("alpha_spent", sa.Float(), nullable=True),
        sa.Column("verdict", sa.String(length=10), nullable=True),
        sa.Column("stop", sa.String(length=10), nullable=False),
        sa.Column("looked_at", sa.Float(), nullable=False),
        _study("sweeper_looks"),
        sa.PrimaryKeyConstraint("study_id", "round", "claim", name="pk_sweeper_looks"),
    )


def _requests() -> None:
    op.create_table(
        "sweeper_requests",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("claim", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("chance", sa.Float(), nullable=False),
        _study("sweeper_requests"),
        sa.PrimaryKeyConstraint("study_id", "round", "position", name="pk_sweeper_requests"),
    )
    op.create_table(
        "sweeper_asked_trials",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("request", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["sweeper_trials.id"], name=op.f("fk_sweeper_asked_trials_trial_id_sweeper_trials")
        ),
        sa.PrimaryKeyConstraint("trial_id", name="pk_sweeper_asked_trials"),
    )


def upgrade() -> None:
    """Add the tables, and the columns by which the queue is ordered; earlier studies have fixed seeds."""
    _columns()
    _rounds()
    _looks()
    _requests()
