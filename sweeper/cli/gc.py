"""`sweeper gc`: drop checkpoints that nothing needs any more."""

from typing import get_args

import click

from sweeper.cli.options import store_option, study_name
from sweeper.errors import UsageError
from sweeper.execution.slots.kept_checkpoints import checkpoint_files, described, drop, superfluous
from sweeper.quantities import byte_size
from sweeper.spec.study import KeptCheckpoints
from sweeper.store.reading import reader

RULES = tuple(each for each in get_args(KeptCheckpoints) if each != "all")


@click.command()
@click.argument("study")
@click.option(
    "--keep",
    type=click.Choice(RULES),
    help="Checkpoints to keep: those of the best trial of each phase, the last one of each trial, or none.  "
    "[default: keep.checkpoints of the study]",
)
@click.option("--dry-run", is_flag=True, help="Print what would be deleted, and delete nothing.")
@store_option
def gc(study: str, keep: KeptCheckpoints | None, dry_run: bool, store: str) -> None:
    """Delete the checkpoints of STUDY that are not to be kept.

    Only completed and pruned trials lose checkpoints: `sweeper retry` resumes failed ones from theirs. Checkpoints from
    which another phase is still to start are kept, too. Metrics and results are never deleted.
    """
    name = study_name(study)
    with reader.connect(store) as connection:
        found = reader.study(connection, name).study
    if not checkpoint_files(found.trial.program):
        raise UsageError(
            f"{name}: the checkpoints of its program are not known. Name them in trial.program.checkpoint, or delete "
            "them yourself."
        )
    if keep is None and found.keep.checkpoints == "all":
        raise UsageError(f"{name}: its study file keeps all checkpoints. Use --keep best, --keep last or --keep none.")
    extra = superfluous(store, name, keep)
    try:
        gone = extra if dry_run else list(drop(extra))
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be deleted: {error.strerror}. Change its permissions.") from error
    for each in gone:
        click.echo(f"{each.path}  {byte_size(each.size)}")
    click.echo(f"{name}: {'would delete' if dry_run else 'deleted'} {described(gone)}.")
