"""A configuration as YAML that every version of YAML reads alike."""

import re
from typing import Any, Final

import yaml

from sweeper.designs.paths import Config

NO_TEXT: Final = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:e[-+]?[0-9]+)?|[-+]?0o[0-7]+|0x[0-9a-f]+|[yn]",
    re.IGNORECASE,
)  # what is a number or a boolean in some version of YAML
BREAKS: Final = re.compile("[\x85\u2028\u2029\ufeff]")  # which are lost where they are not escaped
LONGEST_LINE: Final = 1 << 20


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some version of YAML takes for something else; repeated values are written out."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Return a text as a node, in quotes if it looks like something else in YAML 1.2."""
        style = '"' if BREAKS.search(text) else "'" if NO_TEXT.fullmatch(text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def dumped(config: Config) -> str:
    """Return a configuration as YAML, with its keys in their order."""
    return yaml.dump(dict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=LONGEST_LINE)
