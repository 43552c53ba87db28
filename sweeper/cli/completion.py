"""`sweeper completion`: shell completion of sweeper's commands and options."""

from typing import Final

import click
from click.shell_completion import get_completion_class

SHELLS: Final = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for bash, zsh or fish.

    \b
      bash   sweeper completion bash > ~/.local/share/bash-completion/completions/sweeper
      zsh    sweeper completion zsh > "${fpath[1]}/_sweeper"
      fish   sweeper completion fish > ~/.config/fish/completions/sweeper.fish

    New shells then complete commands, options and their values. To enable completion only in the running bash or
    zsh: eval "$(sweeper completion bash)".
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(ctx.find_root().command, {}, "sweeper", "_SWEEPER_COMPLETE").source(), nl=False)
