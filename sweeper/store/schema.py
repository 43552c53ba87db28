"""Our tables in the store, beside Optuna's. Only `sweeper.store` touches them.

Times (`*_at`) are seconds since the epoch, UTC. `device_seconds` is the time for which a slot was held, times the
slot's share of a device. JSON columns hold plain JSON values. The state machine of a trial::

    waiting ──claim──▶ running ──▶ completed | pruned | failed
       ▲                  │                        │
       └──lease expired, retry, preempted──┘       │
       └──────────────── sweeper retry ────────────┘

Every write of a supervisor is fenced: it names the `fence` that its lease was given, and the next claim raises it.

A change here needs a new file in `migrations/versions/`, its name as `REVISION` in `url.py`, and a fixture of an old
store.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from sweeper.store.records import TRIAL_STATES

VERSION_TABLE: Final = "sweeper_alembic_version"  # Alembic's usual name is taken by Optuna

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

store = Table(  # a single row
    "sweeper_store",
    metadata,
    Column("id", Integer, primary_key=True),  # 1
    Column("uid", String(32), nullable=False),  # tells this store from every other
    # The clock of a store in a file: `clock_base` plus the seconds since the boot that `boot_id` names.
    Column("boot_id", String(64)),
    Column("clock_base", Float),
    CheckConstraint("id = 1", name="single_row"),
)

studies = Table(
    "sweeper_studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("source", Text, nullable=False),  # study.yaml as launched, byte for byte
    Column("source_path", Text, nullable=False),
    Column("spec", JSON, nullable=False),  # the validated study with every default filled in
    Column("spec_sha256", String(64), nullable=False),
    Column("claims_sha256", String(64), nullable=False),
    Column("metric", String(200), nullable=False),
    Column("direction", String(8), nullable=False),  # minimize | maximize
    Column("budget_device_hours", Float),  # the cap on the whole study; NULL for none
    Column("runs_dir", Text, nullable=False),  # of the launch: where the studies' directories are
    Column("run_root", Text, nullable=False),  # where this study's run directories are
    Column("revision", Integer, nullable=False, default=0),  # raised whenever an edited file changes the study
    Column("created_at", Float, nullable=False),
    Column("cancelled_at", Float),  # set by `sweeper cancel`: running trials end for good
    # Claims and phases as they were before they had results (`sweeper.spec.declared`); NULL in studies of before 0005
    Column("declared", JSON(none_as_null=True)),
    # The round of seeds that runs, -1 before the first; NULL once all claims have stopped, or if seeds are fixed.
    Column("open_round", Integer),
    # When the budget held none of the trials that wait; NULL once a trial is claimed, or the file is edited.
    Column("budget_ended_at", Float),
    Column("budget_end_decided", Boolean),  # whether complete seeds of the round that it ended have been looked at
)

changes = Table(  # what an edited file changed in a study after its first launch; shown in reports
    "sweeper_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("sweeper_studies.id"), nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("lines", JSON, nullable=False),  # ["budget.device_hours: 2.0 -> 4.0", …]
)

phases = Table(
    "sweeper_phases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("sweeper_studies.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("design", String(40), nullable=False),
    Column("spec", JSON, nullable=False),  # the phase as validated
    Column("optuna_study_id", Integer, nullable=False),
    Column("distributions", JSON, nullable=False),  # {factor: distribution}, as Optuna writes them
    UniqueConstraint("study_id", "name"),
    UniqueConstraint("study_id", "position"),
)

trials = Table(
    "sweeper_trials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("sweeper_studies.id"), nullable=False),
    Column("phase_id", ForeignKey("sweeper_phases.id"), nullable=False),  # the first phase that has it
    Column("number", Integer, nullable=False),  # within the phase, from 0; Optuna's number as well
    Column("state", String(10), nullable=False),
    # NULL until drawn or promoted, for the trials of samplers and promotions:
    Column("configuration", JSON(none_as_null=True)),  # {factor: level}
    Column("config", JSON(none_as_null=True)),  # the program's complete config, without seed and budget
    Column("configuration_hash", String(64)),  # full SHA-256 of the program and its config
    Column("seed", BigInteger, nullable=False),
    Column("budget", JSON, nullable=False),  # {"steps": 300} or {"tokens": …} or {"epochs": …}
    Column("budget_key", String(100), nullable=False),  # the budget as canonical JSON
    Column("predicted_device_seconds", Float),
    Column("optuna_trial_id", Integer),
    # the queue
    Column("fence", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("attempts_forgiven", Integer, nullable=False, default=0),  # by `sweeper retry`: not counted towards limits
    Column("lease_owner", String(200)),
    Column("lease_expires_at", Float),
    Column("not_before", Float, nullable=False, default=0.0),
    # Lower ranks first; see `records.BEGUN` and `records.HELD`. Within a rank, phases and numbers are the order.
    Column("rank", Integer, nullable=False, default=0, server_default="0"),
    # the outcome
    Column("exit_reason", String(20)),
    Column("message", Text),  # the last output of its last attempt, or why it ended without one
    Column("value", Float),  # of the study's metric: metric.value says which point of the curve
    Column("step", BigInteger),
    Column("tokens", BigInteger),
    Column("flops", Float),
    Column("result", JSON(none_as_null=True)),  # the program's result.json
    Column("started_at", Float),
    Column("ended_at", Float),
    UniqueConstraint("phase_id", "number"),
    UniqueConstraint("study_id", "configuration_hash", "seed", "budget_key"),
    CheckConstraint(f"state IN {TRIAL_STATES}", name="state"),
    Index(None, "study_id", "state"),
    Index(None, "phase_id", "state", "rank", "number"),  # the next of a phase, without sorting all that wait
)

phase_trials = Table(  # links a phase to its trials: its own, and those of an earlier phase
    "sweeper_phase_trials",
    metadata,
    Column("phase_id", ForeignKey("sweeper_phases.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("trial_id", ForeignKey("sweeper_trials.id"), nullable=False),
    Column("late", Boolean, nullable=False, default=False, server_default=false()),  # added after the phase had results
    UniqueConstraint("phase_id", "trial_id"),
)

rounds = Table(  # of seeds, in studies that add seeds until claims are decided
    "sweeper_rounds",
    metadata,
    Column("study_id", ForeignKey("sweeper_studies.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 0, which runs the first seeds
    Column("asked_at", Float, nullable=False),
)

looks = Table(  # what a claim showed when all that a round asked for had ended; never written twice
    "sweeper_looks",
    metadata,
    Column("study_id", ForeignKey("sweeper_studies.id"), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("claim", String(200), primary_key=True),
    Column("parts", JSON, nullable=False),  # of each comparison: p-values, seeds, estimate, standard error, df
    # P-values for and against the claim that hold at whichever look one stops, by themselves and adjusted by Holm.
    Column("p_support", Float, nullable=False),
    Column("p_refute", Float, nullable=False),
    Column("p_adjusted", Float, nullable=False),
    Column("p_refuted_adjusted", Float, nullable=False),
    Column("alpha_spent", Float),  # of the claim's 0.05, by this look; NULL without a maximum of seeds
    Column("verdict", String(10)),  # NULL while the claim goes on
    Column("stop", String(10), nullable=False),  # decided | futile | exhausted; empty while it goes on
    Column("looked_at", Float, nullable=False),
)

claim_states = Table(  # where each claim was when the last decision was made, in studies that add seeds
    "sweeper_claim_states",
    metadata,
    Column("study_id", ForeignKey("sweeper_studies.id"), primary_key=True),
    Column("claim", String(200), primary_key=True),
    Column("verdict", String(10), nullable=False),
    Column("exploratory", Boolean, nullable=False),
    Column("stage", String(12), nullable=False),  # open | decided | unlikely | used_up
    Column("look", Integer, nullable=False),  # looks that it has had
    Column("most_looks", Integer),
    Column("seeds", Integer, nullable=False),  # complete at its last look
    Column("most_seeds", Integer),
    Column("level_left", Float),  # the share of its error that is not spent; NULL without a maximum of seeds
    # The effect at its last look with its repeated interval; NULL for none, or for infinity.
    Column("estimate", Float),
    Column("low", Float),
    Column("high", Float),
)

requests = Table(  # why a round added seeds: for which claim, and how likely they were to decide it
    "sweeper_requests",
    metadata,
    Column("study_id", ForeignKey("sweeper_studies.id"), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),  # most decisions an hour first
    Column("claim", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("chance", Float, nullable=False),
)

asked_trials = Table(  # the trials that rounds asked for
    "sweeper_asked_trials",
    metadata,
    Column("trial_id", ForeignKey("sweeper_trials.id"), primary_key=True),
    Column("round", Integer, nullable=False),
    Column("request", Integer),  # the position of its request; NULL for first seeds
)

environments = Table(  # the software and hardware of an attempt; most attempts share one
    "sweeper_environments",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("facts", JSON, nullable=False),  # git commit and diff, package versions, devices
)

attempts = Table(
    "sweeper_attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trial_id", ForeignKey("sweeper_trials.id"), nullable=False),
    Column("number", Integer, nullable=False),  # within the trial, from 1; equals the fence of its lease
    Column("token", String(32)),  # of the claim, so that one whose answer was lost is found again
    Column("run_dir", Text, nullable=False),  # its checkpoint, metrics and output
    Column("host", String(200), nullable=False),  # its name, for people
    Column("machine", String(200)),  # whose process ids these are; NULL in rows from before 0002
    Column("slot", String(200), nullable=False),
    Column("device", String(200), nullable=False),  # "cpu", "cuda:0"
    Column("device_share", Float, nullable=False, default=1.0),
    Column("supervisor_pid", Integer, nullable=False),
    Column("supervisor_started_at", Float, nullable=False),  # since boot: with the pid, a process on the machine
    Column("pid", Integer),  # of the trial process, which leads a process group of its own
    Column("pid_started_at", Float),  # as the supervisor's; since the epoch in rows of earlier versions
    Column("environment_sha256", ForeignKey("sweeper_environments.sha256")),
    Column("started_at", Float, nullable=False),
    Column("heartbeat_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("device_seconds", Float, nullable=False, default=0.0),
    Column("seconds_before", Float, nullable=False, default=0.0),  # device-seconds of the trial's earlier attempts
    Column("peak_memory_bytes", BigInteger),
    Column("exit_reason", String(20)),  # NULL while it runs
    Column("exit_code", Integer),
    Column("exit_signal", Integer),
    Column("supervisor_lost", Boolean, nullable=False, default=False),  # its lease expired, or its supervisor died
    Column("message", Text),  # the last output of a process that failed
    Column("ingest_offset", BigInteger, nullable=False, default=0),  # bytes of metrics.jsonl in the store
    Column("resumed_from", BigInteger),  # the step of the checkpoint that it resumed from, if the program reports it
    Column("first_step", BigInteger),  # of its measurements; NULL if it reported none
    Column("last_step", BigInteger),
    Column("progressed", Boolean, nullable=False, default=False),  # it went further than the attempts before it
    # What counters of the whole machine's processors, and of its whole GPUs, showed over it; NULL if unreadable.
    Column("cpu_joules", Float),
    Column("gpu_joules", Float),
    UniqueConstraint("trial_id", "number"),
    Index(None, "token", unique=True),
)

measurements = Table(  # of each attempt; those that a later attempt measured again are void
    "sweeper_measurements",
    metadata,
    Column("attempt_id", ForeignKey("sweeper_attempts.id"), primary_key=True),
    Column("metric", String(200), primary_key=True),
    Column("step", BigInteger, primary_key=True, autoincrement=False),
    Column("trial_id", ForeignKey("sweeper_trials.id"), nullable=False),
    Column("tokens", BigInteger),
    Column("device_seconds", Float),
    Column("flops", Float),
    Column("value", Float),  # NULL for NaN, which SQLite cannot hold
    Column("void", Boolean, nullable=False, server_default=false()),  # not part of the trial's curve
    Index(None, "trial_id", "metric", "step"),
    sqlite_with_rowid=False,
)

runners = Table(  # launchers and workers, which own slots
    "sweeper_runners",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("sweeper_studies.id"), nullable=False),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started_at", Float, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("heartbeat_at", Float, nullable=False),
    Column("stop_requested", Boolean, nullable=False, default=False),
    Column("ended_at", Float),
)

packings = Table(  # how many trials of a study share a GPU of one kind, as a pilot chose
    "sweeper_packings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("sweeper_studies.id"), nullable=False),
    Column("card", String(200), nullable=False),  # the kind of GPU: NVIDIA H100 80GB HBM3
    Column("threads", Integer, nullable=False),  # CPU threads of a trial
    Column("sharing", String(10), nullable=False),  # processes | mps
    Column("workload", String(64), nullable=False),  # SHA-256 of what the pilot ran
    Column("host", String(200), nullable=False),
    Column("free_bytes", BigInteger),  # memory of a GPU that was free before the pilot; NULL if unknown
    Column("alone", JSON, nullable=False),  # how trials run alone, by kind of trial
    Column("stages", JSON, nullable=False),  # what was measured with 1, 2, … trials per GPU
    Column("number", Integer),  # the choice; NULL until the pilot is complete
    Column("reason", Text, nullable=False),  # why it is 1 although nothing was measured; else empty
    Column("device_seconds", Float, nullable=False),  # of the pilot
    Column("measured_at", Float, nullable=False),
    UniqueConstraint("study_id", "card", "threads", "sharing", "workload"),
)

pilots = Table(  # short runs that measured the cost of a study's trials; they are not trials themselves
    "sweeper_pilots",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", String(200), nullable=False),  # the study that requested it, which need not be in the store
    Column("program", JSON, nullable=False),
    Column("config", JSON, nullable=False),  # the program's complete config, without seed and budget
    Column("host", String(200), nullable=False),
    Column("device", String(10), nullable=False),  # cpu | cuda
    Column("device_share", Float, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("slots", Integer, nullable=False),  # how many such runs ran in parallel
    Column("unit", String(10), nullable=False),  # steps | tokens | epochs
    Column("amount", Float, nullable=False),  # how many of them the run took
    Column("device_seconds", Float, nullable=False),  # of the whole run
    Column("start_seconds", Float, nullable=False),  # of device time, independent of the amount
    Column("unit_seconds", Float, nullable=False),  # per step, token or epoch
    Column("evaluation_seconds", Float, nullable=False),  # per evaluation of the built-in trainer
    Column("spread", Float, nullable=False),  # standard deviation of the logarithm of `unit_seconds`
    Column("peak_memory_bytes", BigInteger),
    Column("disk_bytes", BigInteger),
    Column("measured_at", Float, nullable=False),  # the same for all runs of a pilot
    Column("seed", BigInteger),  # NULL, as the next two, for pilots of older versions
    Column("metric", String(200)),  # the study's
    Column("value", Float),  # of the metric; NULL if the run was stopped before its end
)
