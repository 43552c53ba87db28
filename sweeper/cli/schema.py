"""`sweeper schema`: the JSON schema of study.yaml, for editors."""

import click

from sweeper.cli.options import print_json


@click.command()
def schema() -> None:
    """Print the JSON schema of study files.

    Save it and name it at the top of a study file, and editors check and complete the file as you type:

    \b
      # yaml-language-server: $schema=study.schema.json
    """
    from sweeper.spec import json_schema  # noqa: PLC0415 - pydantic is slow to load

    print_json(json_schema())
