"""`sweeper schema`: the JSON schema of study files, for editors."""

import click

from sweeper.cli.options import print_json
from sweeper.spec.entries.study import json_schema


@click.command()
def schema() -> None:
    """Print the JSON schema of the study file.

    Save it and refer to it at the top of a study file; editors then check and complete the file as you type:

    \b
      # yaml-language-server: $schema=study.schema.json
    """
    print_json(json_schema())
