"""What a study's files say of the machines and the people behind it, replaced before the files are passed on.

Host names become host-1, host-2, …, so that one still sees what ran together; home directories become ``~``; passwords
in URLs, and the values of this process's variables whose names are those of secrets, become ``***``. The study file and
the configurations of its trials stay as they are: they are what was run.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, Final

from sweeper.spec.variables import HIDDEN, is_secret
from sweeper.store.reading.reader import AttemptRow, TrialRow
from sweeper.store.url import without_passwords

HOME: Final = re.compile(r"(?:/home/|/Users/|\b[A-Za-z]:\\Users\\)[^/\\\s:'\"<>|]+|/root(?=[/\s:'\"]|$)")
LEAST_SECRET: Final = 6  # characters: shorter values are words that occur anyway


class Redaction:
    """Replaces what identifies machines and people.

    Args:
        hosts: the names of the machines on which the study ran, in a fixed order.
        environment: the variables of this process, whose secrets must not be in any file.
        home: this user's home directory.
    """

    def __init__(self, hosts: Iterable[str], environment: Mapping[str, str], home: Path) -> None:
        names = [name for name in dict.fromkeys(hosts) if name]
        self._hosts = {name: f"host-{number}" for number, name in enumerate(names, 1)}
        longest = sorted(self._hosts, key=len, reverse=True)
        words = "|".join(map(re.escape, longest))
        self._host = re.compile(rf"(?<![\w.-])(?:{words})(?![\w-])") if words else None
        secrets = (
            value for name, value in environment.items() if is_secret(name, value) and len(value) >= LEAST_SECRET
        )
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._home = "" if home == Path(home.anchor) else str(home)

    def text(self, text: str) -> str:
        """Return a text of a machine, e.g. the last output of a trial, without what identifies it."""
        text = without_passwords(self.no_secrets(text))
        if self._home:
            text = re.sub(rf"{re.escape(self._home)}(?![\w.-])", "~", text)
        text = HOME.sub("~", text)
        return text if self._host is None else self._host.sub(lambda found: self._hosts[found[0]], text)

    def no_secrets(self, text: str) -> str:
        """Return a text without the values of secret variables."""
        for value in self._secrets:
            text = text.replace(value, HIDDEN)
        return text

    def host(self, name: str) -> str:
        """Return the name that stands for a machine's."""
        return self._hosts.get(name, name)

    def value(self, value: Any) -> Any:
        """Return a JSON value with all of its texts redacted; names of keys stay."""
        return _mapped(value, self.text)

    def document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document of an archive, with the study as it was launched."""
        study = document["study"]
        runners = [{**runner, "host": self.host(runner["host"])} for runner in document["runners"]]
        packings = [{**self.value(row), "host": self.host(row["host"])} for row in document.get("packings", ())]
        secretless = _mapped({name: study[name] for name in ("spec", "source")}, self.no_secrets)
        return {
            **document,
            "study": {**study, **secretless, "source_path": PurePath(study["source_path"]).name},
            "environments": {key: self._facts(facts) for key, facts in document["environments"].items()},
            "runners": runners,
            **({"packings": packings} if packings else {}),
        }

    def _facts(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {name: self.value(value) for name, value in facts.items()}
        machine = facts.get("machine")
        if isinstance(machine, Mapping) and isinstance(name := machine.get("host"), str):
            found["machine"]["host"] = self.host(name)
        return found

    def trial(self, row: TrialRow) -> TrialRow:
        """Return a trial with its texts redacted; its configuration stays, but for secrets."""
        return replace(
            row,
            message=self._optional(row.message),
            result=self.value(row.result),
            config=_mapped(row.config, self.no_secrets),
            configuration=_mapped(row.configuration, self.no_secrets),
        )

    def attempt(self, row: AttemptRow) -> AttemptRow:
        """Return an attempt with its texts redacted."""
        return replace(
            row, host=self.host(row.host), slot=self.text(row.slot), pid=None, message=self._optional(row.message)
        )

    def _optional(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value with each text in it changed; names of keys stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(item, change) for key, item in value.items()}
    return [_mapped(item, change) for item in value] if isinstance(value, list | tuple) else value


def home_directories(text: str) -> list[str]:
    """Return the home directories that a text names."""
    return list(dict.fromkeys(match.group(0) for match in HOME.finditer(text)))
