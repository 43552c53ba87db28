"""A study file as data, with the position of every key and value, so that each mistake is shown where it is."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sweeper.errors import Mistake, MistakesError
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import dotted
from trainer.config.yaml_file import Document, YamlError, read_text, read_yaml


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML file.

    Attributes:
        path: the file as the user named it.
        text: the file's text.
        document: its content, with positions.
    """

    path: str
    text: str
    document: Document

    @property
    def data(self) -> object:
        """The content: mappings, lists, strings, numbers, booleans and None."""
        return self.document.data

    def mistake(self, path: KeyPath, message: str, *, at_key: bool = False) -> Mistake:
        """Return a mistake at a path; if the file does not have it, at the nearest part around it."""
        return Mistake(self.path, *self.document.position(path, at_key=at_key), dotted(path), message)


def load(path: Path) -> Source:
    """Read a YAML file.

    Raises:
        MistakesError: the file cannot be read, or is not YAML of the kind that study files are.
    """
    try:
        text = read_text(path)
    except YamlError as error:
        raise MistakesError([Mistake(str(path), error.line, error.column, "", str(error))]) from error
    return parse(text, str(path))


@lru_cache(maxsize=1)  # a plan reads its study twice: as data, and for the places of its notes
def parse(text: str, name: str) -> Source:
    """Read YAML from text; `name` is its file in messages.

    Raises:
        MistakesError: the text is not YAML of the kind that study files are.
    """
    try:
        document = read_yaml(text)
    except YamlError as error:
        raise MistakesError([Mistake(name, error.line, error.column, "", str(error))]) from error
    if document.problems:
        raise MistakesError(
            [Mistake(name, *each.position, dotted(each.path), each.message) for each in document.problems]
        )
    if document.data is None:
        message = "the file is empty. A study needs study, metric, trial and phases."
        raise MistakesError([Mistake(name, 1, 1, "", message)])
    return Source(name, text, document)
