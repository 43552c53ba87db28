"""Measurements belong to attempts, attempts know their run directories, and the store knows itself and its clock."""

import uuid
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

DIGITS: Final = {  # a trial's number in the name of its run directory
    "sqlite": "printf('%05d', t.number)",
    "postgresql": "lpad(t.number::text, greatest(5, length(t.number::text)), '0')",
}


def _store() -> None:
    table = op.create_table(
        "sweeper_store",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("boot_id", sa.String(length=64), nullable=True),
        sa.Column("clock_base", sa.Float(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_sweeper_store_single_row")),
        sa.PrimaryKeyConstraint("id", name="pk_sweeper_store"),
    )
    op.bulk_insert(table, [{"id": 1, "uid": uuid.uuid4().hex}])


def _studies() -> None:
    """Add where a study's run directories are, which was a rule before, and how often the study changed."""
    op.add_column("sweeper_studies", sa.Column("run_root", sa.Text(), nullable=False, server_default=""))
    op.add_column("sweeper_studies", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE sweeper_studies SET run_root = runs_dir || '/' || name")


def _attempts() -> None:
    for column in (
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("run_dir", sa.Text(), nullable=False, server_default=""),
        sa.Column("seconds_before", sa.Float(), nullable=False, server_default="0"),
        sa.Column("resumed_from", sa.BigInteger(), nullable=True),
        sa.Column("first_step", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("progressed", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("sweeper_attempts", column)
    op.create_index("ix_sweeper_attempts_token", "sweeper_attempts", ["token"], unique=True)
    digits = DIGITS[op.get_bind().dialect.name]
    op.execute(
        f"UPDATE sweeper_attempts SET run_dir = (SELECT s.run_root || '/' || p.name || '/' || {digits}"  # noqa: S608 - ours
        " FROM sweeper_trials t JOIN sweeper_studies s ON s.id = t.study_id JOIN sweeper_phases p ON p.id = t.phase_id"
        " WHERE t.id = sweeper_attempts.trial_id)"
    )
    op.execute(
        "UPDATE sweeper_attempts SET seconds_before = coalesce((SELECT sum(b.device_seconds) FROM sweeper_attempts b"
        " WHERE b.trial_id = sweeper_attempts.trial_id AND b.number < sweeper_attempts.number), 0.0)"
    )


def _measurements() -> None:
    """Give measurements the key of their attempt. A step that was reported twice has its last value, as before."""
    before = sa.Table(
        "sweeper_measurements",
        sa.MetaData(),
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
    )
    # SQLite copies the table, PostgreSQL alters it.
    with op.batch_alter_table(
        "sweeper_measurements", copy_from=before, table_kwargs={"sqlite_with_rowid": False}
    ) as table:
        table.drop_constraint("pk_sweeper_measurements", type_="primary")
        table.create_primary_key("pk_sweeper_measurements", ["attempt_id", "metric", "step"])
        table.add_column(sa.Column("void", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.create_index("ix_sweeper_measurements_trial_id_metric_step", ["trial_id", "metric", "step"])
    for name, extreme in (("first_step", "min"), ("last_step", "max")):
        op.execute(
            f"UPDATE sweeper_attempts SET {name} = (SELECT {extreme}(m.step) FROM sweeper_measurements m"  # noqa: S608
            " WHERE m.attempt_id = sweeper_attempts.id)"
        )


def upgrade() -> None:
    """Add the columns and fill them for earlier rows."""
    _store()
    _studies()
    _attempts()
    _measurements()
