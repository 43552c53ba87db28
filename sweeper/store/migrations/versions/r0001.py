"""The first version of our tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _environments() -> None:
    op.create_table(
        "sweeper_environments",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_sweeper_environments"),
    )


def _studies() -> None:
    op.create_table(
        "sweeper_studies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_path", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("spec_sha256", sa.String(length=64), nullable=False),
        sa.Column("claims_sha256", sa.String(length=64), nullable=False),
        sa.Column("metric", sa.String(length=200), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("budget_device_hours", sa.Float(), nullable=True),
        sa.Column("runs_dir", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("cancelled_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sweeper_studies"),
        sa.UniqueConstraint("name", name="uq_sweeper_studies_name"),
    )


def _changes() -> None:
    op.create_table(
        "sweeper_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.Float(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["sweeper_studies.id"], name="fk_sweeper_changes_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sweeper_changes"),
    )


def _phases() -> None:
    op.create_table(
        "sweeper_phases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("design", sa.String(length=40), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("optuna_study_id", sa.Integer(), nullable=False),
        sa.Column("distributions", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["sweeper_studies.id"], name="fk_sweeper_phases_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sweeper_phases"),
        sa.UniqueConstraint("study_id", "name", name="uq_sweeper_phases_study_id_name"),
        sa.UniqueConstraint("study_id", "position", name="uq_sweeper_phases_study_id_position"),
    )


def _runners() -> None:
    op.create_table(
        "sweeper_runners",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=200), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pid_started_at", sa.Float(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("heartbeat_at", sa.Float(), nullable=False),
        sa.Column("stop_requested", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["sweeper_studies.id"], name="fk_sweeper_runners_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sweeper_runners"),
    )


def _trials() -> None:
    op.create_table(
        "sweeper_trials",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("configuration", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("config", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("configuration_hash", sa.String(length=64), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("budget", sa.JSON(), nullable=False),
        sa.Column("budget_key", sa.String(length=100), nullable=False),
        sa.Column("predicted_device_seconds", sa.Float(), nullable=True),
        sa.Column("optuna_trial_id", sa.Integer(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempts_forgiven", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(length=200), nullable=True),
        sa.Column("lease_expires_at", sa.Float(), nullable=True),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.Column("exit_reason", sa.String(length=20), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("tokens", sa.BigInteger(), nullable=True),
        sa.Column("flops", sa.Float(), nullable=True),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'completed', 'pruned', 'failed')", name="ck_sweeper_trials_state"
        ),
        sa.ForeignKeyConstraint(["phase_id"], ["sweeper_phases.id"], name="fk_sweeper_trials_phase_id"),
        sa.ForeignKeyConstraint(["study_id"], ["sweeper_studies.id"], name="fk_sweeper_trials_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sweeper_trials"),
        sa.UniqueConstraint("phase_id", "number", name="uq_sweeper_trials_phase_id_number"),
        sa.UniqueConstraint(
            "study_id",
            "configuration_hash",
            "seed",
            "budget_key",
            name="uq_sweeper_trials_study_id_configuration_hash_seed_budget_key",
        ),
    )
    op.create_index(
        "ix_sweeper_trials_phase_id_state_number", "sweeper_trials", ["phase_id", "state", "number"], unique=False
    )
    op.create_index("ix_sweeper_trials_study_id_state", "sweeper_trials", ["study_id", "state"], unique=False)


def _attempts() -> None:
    op.create_table(
        "sweeper_attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(length=200), nullable=False),
        sa.Column("slot", sa.String(length=200), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("device_share", sa.Float(), nullable=False),
        sa.Column("supervisor_pid", sa.Integer(), nullable=False),
        sa.Column("supervisor_started_at", sa.Float(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("pid_started_at", sa.Float(), nullable=True),
        sa.Column("environment_sha256", sa.String(length=64), nullable=True),
        sa.Column("started_at", sa.Float(), nullable=False),
        sa.Column("heartbeat_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("device_seconds", sa.Float(), nullable=False),
        sa.Column("peak_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("exit_reason", sa.String(length=20), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("exit_signal", sa.Integer(), nullable=True),
        sa.Column("supervisor_lost", sa.Boolean(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("ingest_offset", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_sha256"], ["sweeper_environments.sha256"], name="fk_sweeper_attempts_environment_sha256"
        ),
        sa.ForeignKeyConstraint(["trial_id"], ["sweeper_trials.id"], name="fk_sweeper_attempts_trial_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sweeper_attempts"),
        sa.UniqueConstraint("trial_id", "number", name="uq_sweeper_attempts_trial_id_number"),
    )


def _phase_trials() -> None:
    op.create_table(
        "sweeper_phase_trials",
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["phase_id"], ["sweeper_phases.id"], name="fk_sweeper_phase_trials_phase_id"),
        sa.ForeignKeyConstraint(["trial_id"], ["sweeper_trials.id"], name="fk_sweeper_phase_trials_trial_id"),
        sa.PrimaryKeyConstraint("phase_id", "position", name="pk_sweeper_phase_trials"),
        sa.UniqueConstraint("phase_id", "trial_id", name="uq_sweeper_phase_trials_phase_id_trial_id"),
    )


def _measurements() -> None:
    op.create_table(
        "sweeper_measurements",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("metric", sa.String(length=200), nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=True),
        sa.Column("device_seconds", sa.Float(), nullable=True),
        sa.Column("flops", sa.Float(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["attempt_id"], ["sweeper_attempts.id"], name="fk_sweeper_measurements_attempt_id"),
        sa.ForeignKeyConstraint(["trial_id"], ["sweeper_trials.id"], name="fk_sweeper_measurements_trial_id"),
        sa.PrimaryKeyConstraint("trial_id", "metric", "step", name="pk_sweeper_measurements"),
        sqlite_with_rowid=False,
    )


def upgrade() -> None:
    """Create the tables, those that others refer to first."""
    _environments()
    _studies()
    _changes()
    _phases()
    _runners()
    _trials()
    _attempts()
    _phase_trials()
    _measurements()
