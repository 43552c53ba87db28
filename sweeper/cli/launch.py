"""`sweeper launch`: plan a study, write it into the store, run it."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sweeper.admission import check_admission, check_has_all, check_has_program, check_installed
from sweeper.cli.cluster import cluster_of, engine_options, pool_of
from sweeper.cli.exploratory import exploratory_lines
from sweeper.cli.failures import failure_lines
from sweeper.cli.options import json_option, keep_going_option, print_json, slots_option, store_argument, store_option
from sweeper.cli.packing import packing_of
from sweeper.cli.pilot import pilot_before_launch, pilot_option
from sweeper.cli.plan import print_estimate
from sweeper.cli.progress import progress_for
from sweeper.cli.progress_lines import Progress, ended_text
from sweeper.cli.trying import try_and_exit, try_option
from sweeper.errors import UsageError
from sweeper.estimate import Estimate, estimate
from sweeper.execution.gpus import unseen
from sweeper.execution.launch import Launched, Pack
from sweeper.execution.launch import launch as run
from sweeper.execution.slots.neighbours import crowding_now
from sweeper.execution.slots.resources import Slot
from sweeper.forecast.trial_seconds import expected_seconds
from sweeper.monitor.claims import ClaimStatus
from sweeper.monitor.decision import STAGES
from sweeper.monitor.failures import failures
from sweeper.monitor.observation import observe
from sweeper.monitor.replicates import SeedWatch
from sweeper.planning.notes import plan_notes
from sweeper.planning.plan import make_plan
from sweeper.quantities import counted, device_hours
from sweeper.spec.load import load_study
from sweeper.spec.study import Study
from sweeper.spec.unfilled import unfilled_lines
from sweeper.store.enrolment.enrol import Enrolment
from sweeper.store.failures import without_numbers
from sweeper.store.reading import reader
from sweeper.store.url import shown
from sweeper.streams import unless_hung_up

if TYPE_CHECKING:
    from sweeper.execution.cluster.pool import DaskPool

MOST_NAMED: Final = 5


@click.command()
@click.argument("study", type=click.Path(path_type=Path), metavar="STUDY.yaml")
@store_option
@slots_option
@engine_options
@pilot_option
@try_option
@click.option(
    "--extend",
    is_flag=True,
    help="Add what is new in an edited file to the study in the store. If it has results, verdicts on what is new are "
    "exploratory.",
)
@click.option("--force", is_flag=True, help="Launch even if the study is predicted not to fit the budget or machine.")
@keep_going_option
@click.option("--dry-run", is_flag=True, help="Check and plan only; write nothing.")
@json_option
def launch(
    study: Path,
    store: str,
    slots: int | None,
    engine: str,
    dask_address: str | None,
    dask_scheduler_file: Path | None,
    dask_slurm: int | None,
    pilot: int | None,
    trying: int | None,
    extend: bool,
    force: bool,
    keep_going: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Run a study file to completion; rerun the same command to resume.

    Press Ctrl-C once to stop cleanly: running trials write their checkpoints. Press it twice to kill them; the store
    stays intact either way.
    """
    cluster = cluster_of(
        engine, dask_address=dask_address, dask_scheduler_file=dask_scheduler_file, dask_slurm=dask_slurm
    )
    if dry_run and pilot is not None:
        raise UsageError(
            f"--dry-run and --pilot: a pilot writes its measurements to the store. Use: sweeper plan {study} --pilot"
        )
    if cluster is not None and pilot is not None:
        raise UsageError(
            "--pilot: runs on this machine, but the trials would run on the cluster. "
            "Leave out --pilot or --engine dask."
        )
    if trying is not None:
        others = {
            "--dry-run": dry_run,
            "--pilot": pilot is not None,
            "--extend": extend,
            "--keep-going": keep_going,
            "--slots": slots is not None,
            "--engine dask": cluster is not None,
        }
        _check_alone(study, [option for option, is_given in others.items() if is_given])
    loaded = load_study(study)
    check_has_program(loaded, store)
    _check_is_filled_in(loaded, force=force)
    is_here = cluster is None or cluster.is_here
    if is_here:
        check_installed(loaded)
    plan = make_plan(loaded)
    if is_here and not force:
        check_has_all(loaded, anyway="To launch anyway: --force")
    if trying is not None:
        try_and_exit(loaded, plan, store=store, amount=trying, as_json=as_json)
    if pilot is not None:
        pilot_before_launch(loaded, plan, store=store, slots=slots, amount=pilot, force=force)
    found = estimate(loaded, plan, store=store, slots=slots)
    if not force:
        check_admission(found, store=store, here=cluster is None)
    if dry_run:
        print_estimate(found, as_json=as_json)
        click.echo("Nothing was written: --dry-run.", err=True)
        return
    with pool_of(loaded, cluster, store=store, slots=slots) as pool:
        launched = _run(found, store=store, slots=slots, extend=extend, keep_going=keep_going, pool=pool)
    with unless_hung_up():
        if as_json:
            print_json(_document(plan.study, launched, _claims_at_end(plan.study, store)))
        else:
            _print_end(plan.study, launched, study, store)
    sys.exit(launched.exit_code)


def _check_alone(study: Path, others: Sequence[str]) -> None:
    if others:
        raise UsageError(
            f"--try and {others[0]}: --try runs one trial on this machine, which is not a result of the study. "
            f"Use: sweeper launch {study} --try"
        )


def _check_is_filled_in(study: Study, *, force: bool) -> None:
    if not force and (unfilled := unfilled_lines(study)):
        raise UsageError("\n".join(unfilled) + "\nTo launch anyway: --force")


def _run(
    found: Estimate, *, store: str, slots: int | None, extend: bool, keep_going: bool, pool: "DaskPool | None"
) -> Launched:
    name, seeds = found.study.name, SeedWatch()

    def look_at_seeds(*, last: bool = False) -> None:
        with reader.connect(store) as connection:
            warning = seeds.look(connection, reader.study(connection, name), last=last)
        if warning is not None:
            click.echo(f"{name}: {warning}", err=True)

    with progress_for() as progress:

        def on_tick() -> None:
            with reader.connect(store) as connection:
                progress.update(observe(connection, reader.study(connection, name), connection.now()))
            look_at_seeds()

        launched = run(
            found.study,
            found.plan,
            store=store,
            num_slots=slots,
            extend=extend,
            keep_going=keep_going,
            predicted=expected_seconds(found.predictions),
            on_enrolled=lambda enrolment, slots: _print_start(found.study, enrolment, slots, store, pool),
            on_tick=on_tick,
            pool=pool,
            slots=None if pool is None else pool.slots,
            pack=_pack(found, store=store, slots=slots, pool=pool, progress=progress),
        )
    look_at_seeds(last=True)
    return launched


def _pack(
    found: Estimate, *, store: str, slots: int | None, pool: "DaskPool | None", progress: Progress
) -> Pack | None:
    """Return what chooses the slots of a study whose trials share GPUs; on a cluster, each has one for itself."""
    if pool is None:
        return packing_of(found.study, found.plan, store=store, slots=slots, progress=progress)
    if found.study.resources.gpus_per_trial == "auto":
        click.echo(
            f"{found.study.name}: resources.gpus_per_trial: auto: workers of a cluster are not measured, so each trial "
            "has a GPU for itself. To share GPUs: gpus_per_trial: 0.5, or `sweeper worker` on each machine",
            err=True,
        )
    return None


def _print_start(
    loaded: Study, enrolment: Enrolment, slots: tuple[Slot, ...], store: str, pool: "DaskPool | None"
) -> None:
    study = loaded.name
    lines = [f"changed since the first launch: {change}" for change in enrolment.changes]
    if enrolment.unwanted:
        names = ", ".join(enrolment.unwanted[:MOST_NAMED]) + (" …" if len(enrolment.unwanted) > MOST_NAMED else "")
        lines.append(
            f"{counted(len(enrolment.unwanted), 'trial')} in the store, but no longer in the study file, kept: {names}"
        )
    if enrolment.with_results:
        lines += exploratory_lines(store, study)
    if enrolment.added:
        what = f"{counted(enrolment.added, 'trial')} planned"
    else:
        what = "resuming" if _has_open_trials(store, study) else "every trial has ended"
    if enrolment.run_root is not None:
        lines.append(
            f"run directories: {enrolment.run_root}, since the one named {study} is another study's or another store's"
        )
    devices = ", ".join(dict.fromkeys(slot.device for slot in slots))
    where = devices if pool is None else f"{devices} ({pool.where})"
    lines.append(f"{what}; {counted(len(slots), 'slot')} on {where}; store {shown(store)}")
    if pool is None and (remark := unseen()) is not None:
        lines.append(f"{remark}; trials run on {devices}")
    if pool is None and enrolment.added:
        lines += [f"warning: {note}" for note in plan_notes(loaded, Path.cwd())]
    if pool is None and (crowded := crowding_now(study, slots)) is not None:
        lines.append(crowded)
    for line in lines:
        click.echo(f"{study}: {line}", err=True)


def _has_open_trials(store: str, study: str) -> bool:
    with reader.connect(store) as connection:
        phases = reader.counts(connection, reader.study(connection, study).id)
    return any(states["waiting"] or states["running"] for states in phases.values())


def _reasons(study: str, store: str) -> str:
    """Return why trials failed, e.g. ``2 diverged, 1 crashed``."""
    with reader.connect(store) as connection:
        trials = reader.trials(connection, reader.study(connection, study).id, state="failed")
    reasons = Counter(trial.exit_reason or "failed" for trial in trials)
    return ", ".join(f"{number} {reason.replace('_', ' ')}" for reason, number in reasons.most_common())


def _notes(study: str, store: str) -> list[str]:
    """Return what is to be said of trials that have not failed, such as that their steps fell; once of those alike."""
    trials: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    with reader.connect(store) as connection:
        for trial in reader.trials(connection, reader.study(connection, study).id):
            for note in (trial.message or "").splitlines() if trial.state in ("completed", "pruned") else ():
                key = without_numbers(note)
                first.setdefault(key, note)
                trials.setdefault(key, []).append(f"{trial.phase}/{trial.number}")
    notes = [
        f"{', '.join(names[:MOST_NAMED])}{' …' * (len(names) > MOST_NAMED)}: {first[key]}"
        for key, names in trials.items()
    ]
    more = len(notes) - MOST_NAMED
    return [*notes[:MOST_NAMED], *([f"{counted(more, 'more note')}: sweeper show {study}"] if more > 0 else [])]


def _print_end(study: str, launched: Launched, path: Path, store: str) -> None:
    option = store_argument(store)
    failed = f"failed ({_reasons(study, store)})" if launched.failed else ""
    with reader.connect(store) as connection:
        causes = failures(connection, reader.study(connection, study)) if launched.failed or launched.left else ()
    retried = sum(each.num_retried for each in causes)
    left = f"left ({retried} to be retried)" if retried else "left"
    rest = {"pruned": launched.pruned, failed: launched.failed, left: launched.left}
    claims = _claims_at_end(study, store)
    counts = [f"{launched.completed} completed", *(f"{number} {state}" for state, number in rest.items() if number)]
    counts += [ended_text(claims)] if claims else []
    click.echo(f"{study}: {', '.join(counts)}; {device_hours(launched.device_hours)}.")
    for note in _notes(study, store):
        click.echo(f"{study}: {note}", err=True)
    for failure in launched.hook_failures:
        click.echo(failure, err=True)
    match launched.exit_code:
        case 130:
            click.echo(f"Interrupted; the store is intact. To resume: sweeper launch {path}{option}")
        case 3:
            click.echo(
                f"Stopped by budget.device_hours. Raise it in {path}, then resume: sweeper launch {path}{option}"
            )
        case 1:
            for line in failure_lines(study, causes, option):
                click.echo(line)
            if launched.failed:
                click.echo(f"To put the failed trials back into the queue: sweeper retry {study}{option}")
            if launched.left:
                click.echo(f"Once the cause is fixed, resume: sweeper launch {path}{option}")
                click.echo(f"To start the other trials anyway: sweeper launch {path}{option} --keep-going")
        case _:
            click.echo(f"To write the report: sweeper report {study}{option}")


def _claims_at_end(study: str, store: str) -> Sequence[ClaimStatus]:
    """Return where the claims are of a study that adds seeds until they are decided; nothing of another study."""
    with reader.connect(store) as connection:
        return observe(connection, reader.study(connection, study), connection.now()).claims


def _document(study: str, launched: Launched, claims: Sequence[ClaimStatus]) -> dict[str, object]:
    stages = Counter(claim.decision.stage for claim in claims)
    return {
        "study": study,
        "exit_code": launched.exit_code,
        "added": launched.enrolment.added,
        "completed": launched.completed,
        "pruned": launched.pruned,
        "failed": launched.failed,
        "left": launched.left,
        "device_hours": launched.device_hours,
        **({"claims": {stage: stages[stage] for stage in STAGES}} if claims else {}),
    }
