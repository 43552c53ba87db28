"""The `sweeper` command: its sub-commands, and how errors are printed."""

import sys
import traceback
from importlib import import_module
from typing import Final

import click

from sweeper import __version__
from sweeper.errors import SweeperError
from sweeper.run_module import load_own_packages
from sweeper.streams import OutputLost, discard_output, name_errors, open_missing

# In the order in which a user needs them. Each is a click command in sweeper/cli/NAME.py (see `module_of`). Its short
# help is repeated here so that `sweeper --help` imports none of these modules; a test compares the two.
COMMANDS: Final = {
    "init": "Write a commented study file for your own training script.",
    "plan": "Predict the trials and run time of a study file; runs nothing.",
    "metrics": "Show what a study file finds in the output of an earlier run; runs nothing.",
    "launch": "Run a study file to completion; rerun the same command to resume.",
    "import": "Read runs of another tool into the store, as a study that you can judge and report.",
    "simulate": "Simulate the schedule of a study file on N slots, or with --decide its decisions.",
    "status": "Show the progress of STUDY, or of every study in the store.",
    "claims": "Print a verdict on each claim of STUDY.",
    "replay": "Replay STUDY under another protocol, from its finished trials.",
    "report": "Write the HTML and PDF report of STUDY.",
    "check": "Check that the numbers in PAPER.tex are those of a study now.",
    "export": "Export tables of STUDY as CSV, Parquet or JSON.",
    "verify": "Check a bundle that `sweeper export STUDY --bundle BUNDLE.zip` wrote.",
    "show": "Show one TRIAL of STUDY: configuration, attempts, results, and what the patterns of metrics matched.",
    "retry": "Put the failed trials of STUDY back into the queue.",
    "gc": "Delete the checkpoints of STUDY that are not to be kept.",
    "cancel": "Cancel the waiting and running trials of STUDY.",
    "worker": "Run trials of the studies in a store until none is left.",
    "dashboard": "Serve the live pages of the store's studies, and Optuna's dashboard.",
    "data": "Download the corpora of the built-in trainer.",
    "doctor": "Check the store, disk, GPUs, versions, corpora and clock.",
    "schema": "Print the JSON schema of the study file.",
    "completion": "Print the completion script for bash, zsh or fish.",
}


def module_of(command: str) -> str:
    """Return the module of a command, in which it has the same name: `import` is a word of Python."""
    return {"import": "import_runs"}.get(command, command)


class _ReaderLeft(Exception):  # noqa: N818 - not an error: `head` does it
    """The reader of our output has closed the pipe; click would exit with code 1."""


class _Commands(click.Group):
    """Imports a sub-command's module only when the sub-command is used."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderLeft from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = module_of(cmd_name)
        command = getattr(import_module(f"sweeper.cli.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from trainer.config.wording import suggestion  # noqa: PLC0415 - imports pydantic, which is slow to load

            hint = suggestion(args[0], COMMANDS)
            raise click.UsageError(f"{error.message}{hint} Commands: {', '.join(COMMANDS)}.", ctx) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sweeper")
@click.option("--debug", is_flag=True, help="Show the traceback of errors.")
def cli(debug: bool) -> None:
    """Plan, run and explain ablation studies.

    One YAML file describes a study; sweeper runs its training trials and writes a statistical report:

    \b
      sweeper init study.yaml      write a study file to adapt to your script
      sweeper plan study.yaml      predict what would run, and for how long
      sweeper launch study.yaml    run it; rerun the same command to resume
      sweeper report study         write report.html and report.pdf

    Exit codes: 0 success; 1 finished, but trials failed permanently; 2 error in the command or the study file;
    3 stopped by the budget; 130 interrupted (rerun the same command to resume).
    """


def main() -> None:
    """Run the command line. An error ends in its message and an exit code, never in a traceback."""
    open_missing()
    name_errors()
    load_own_packages()
    try:
        code = cli.main(prog_name="sweeper", standalone_mode=False)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = 130
    except _ReaderLeft:
        discard_output()
        code = 0
    except OutputLost as error:
        discard_output()
        code = _print_error(error, error.exit_code)
    except SweeperError as error:
        code = _print_error(error, error.exit_code)
    except Exception as error:
        code = _print_error(error, 1)
    sys.exit(code if isinstance(code, int) else 0)


def _print_error(error: Exception, code: int) -> int:
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    elif isinstance(error, SweeperError):
        if str(error):
            click.echo(str(error), err=True)
    else:
        click.echo(
            f"sweeper: internal error: {type(error).__name__}: {error}\n"
            "This is a bug in sweeper, not an error of yours. `sweeper --debug …` shows where it happened.",
            err=True,
        )
    return code
