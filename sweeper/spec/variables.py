"""Variables that a study sets for its programs, and which of them may be secrets.

``${NAME}`` in a value is the variable NAME where the trial runs; it is stored as it is written. ``{name}`` is a
placeholder, as in a command; ``{{`` and ``}}`` are literal braces.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sweeper.spec.placeholders import as_text

# Words of names whose values are secrets as a rule. TOKENS and TOKENIZERS are something else in language models.
SECRET_NAME: Final = re.compile(
    r"(?:(?:^|_|API|ACCESS|PRIVATE)KEYS?|TOKEN|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)(?:_|$)", re.IGNORECASE
)
NO_SECRET: Final = re.compile(r"(?:true|false|on|off|yes|no|none|\d{0,5})$", re.IGNORECASE)
HIDDEN: Final = "***"
_PARTS: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\{\{|\}\}|\{([^{}]*)\}|[{}]")


def inherited_names(value: str) -> Iterator[str]:
    """Yield the names of the variables that a value takes from where the trial runs."""
    yield from (match.group(1) for match in _PARTS.finditer(value) if match.group(1) is not None)


def own_part(value: str) -> str:
    """Return a value without those variables: what may have placeholders."""
    return _PARTS.sub(lambda match: "" if match.group(1) is not None else match.group(0), value)


def filled_in(value: str, inherited: Mapping[str, str], placeholders: Mapping[str, object]) -> str:
    """Return a value with its variables and placeholders filled in; those without a value stay as they are written.

    Raises:
        KeyError: a variable is not set.
    """

    def replace(match: re.Match[str]) -> str:
        variable, placeholder = match.groups()
        if variable is not None:
            return inherited[variable]
        if placeholder is not None:
            return as_text(placeholders[placeholder]) if placeholder in placeholders else match.group(0)
        return match.group(0)[0] if len(match.group(0)) == 2 else match.group(0)

    return _PARTS.sub(replace, value)


def is_secret(name: str, value: str) -> bool:
    """Return whether a variable's value is probably a secret that is written out."""
    is_written_out = not any(inherited_names(value)) and not NO_SECRET.match(value)
    return is_written_out and SECRET_NAME.search(name) is not None


def without_secrets(spec: Mapping[str, Any], source: str) -> tuple[dict[str, Any], str]:
    """Return a study's document and source without secrets, which earlier versions accepted in them."""
    trial = spec.get("trial") or {}
    environment = trial.get("environment") or {}
    secrets = {name: value for name, value in environment.items() if is_secret(name, value)}
    for value in sorted(secrets.values(), key=len, reverse=True):
        source = source.replace(value, HIDDEN)
    if not secrets:
        return dict(spec), source
    return {**spec, "trial": {**trial, "environment": {**environment, **dict.fromkeys(secrets, HIDDEN)}}}, source
