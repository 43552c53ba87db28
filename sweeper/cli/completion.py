"""`sweeper completion`: what a shell needs to complete sweeper's commands and options."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
def completion(shell: str) -> None:
    """Print the completion script for bash, zsh or fish.

    \b
      bash   sweeper completion bash > ~/.local/share/bash-completion/completions/sweeper
      zsh    sweeper completion zsh > "${fpath[1]}/_sweeper"
      fish   sweeper completion fish > ~/.config/fish/completions/sweeper.fish

    A new shell then completes commands, options and their values. Or for the running shell alone, bash or zsh:
    eval "$(sweeper completion bash)".
    """

    from sweeper.cli.main import cli  # noqa: PLC0415 - main loads the commands

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "sweeper", "_SWEEPER_COMPLETE").source(), nl=False)
