"""Where a command's metrics are: patterns for its output, files that it writes, or several of both."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from sweeper.spec.entries.values import Section
from sweeper.spec.metric_source import KINDS
from trainer.config.wording import shown, suggestion

EXAMPLE: Final = "{from: csv, file: '{run_dir}/metrics.csv', valid_loss: val_loss}"


class _SourceEntry(Section):
    """Files of one kind. Every key that is not one of its own is a metric."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, str]

    @property
    def metrics(self) -> dict[str, str]:
        """By metric, its tag, column or key."""
        return dict(self.__pydantic_extra__ or {})


class TensorBoardSourceEntry(_SourceEntry):
    """Scalars in the event files of TensorBoard."""

    kind: Literal["tensorboard"] = Field(
        alias="from", description="The kind of files: tensorboard, csv, json or jsonl."
    )
    place: str = Field(alias="in", description="The directory with the event files, e.g. in: '{run_dir}'.")


class TableSourceEntry(_SourceEntry):
    """Columns of CSV files, or keys of JSON lines."""

    kind: Literal["csv", "jsonl"] = Field(
        alias="from", description="The kind of files: tensorboard, csv, json or jsonl."
    )
    place: str = Field(alias="file", description="The file, e.g. '{run_dir}/**/metrics.csv'; ** is any directory.")
    step: str | None = Field(
        None, description="Its column or key of the step. Default: step if it is there; else rows are counted."
    )


class JsonSourceEntry(_SourceEntry):
    """Keys of records in JSON files."""

    kind: Literal["json"] = Field(alias="from", description="The kind of files: tensorboard, csv, json or jsonl.")
    place: str = Field(alias="file", description="The file, e.g. '{run_dir}/**/trainer_state.json'.")
    step: str | None = Field(
        None, description="The key of the step in a record. Default: step if it is there; else records are counted."
    )
    path: str | None = Field(
        None, min_length=1, description="Dotted path of the records in the file, e.g. log_history. Default: the file."
    )


def unknown_source(value: object) -> str:
    """Return what is wrong with a source of metrics that is of no kind."""
    kind = value.get("from") if isinstance(value, dict) else value
    near = suggestion(kind, KINDS) if isinstance(kind, str) else ""
    return f"from: {shown(kind)} is not a source of metrics.{near} Use tensorboard, csv, json or jsonl, e.g. {EXAMPLE}."


def _one(value: object) -> str | None:
    if isinstance(value, dict) and "from" in value:
        kind = value["from"]
        return {"tensorboard": "<tensorboard>", "csv": "<table>", "jsonl": "<table>", "json": "<json>"}.get(
            kind if isinstance(kind, str) else ""
        )
    if isinstance(value, _SourceEntry):
        return {TensorBoardSourceEntry: "<tensorboard>", TableSourceEntry: "<table>", JsonSourceEntry: "<json>"}.get(
            type(value)
        )
    return "<patterns>"


def _several(value: object) -> str | None:
    return "<list>" if isinstance(value, list) else _one(value)


SourceEntry = TensorBoardSourceEntry | TableSourceEntry | JsonSourceEntry
_UNKNOWN: Final[dict[str, Any]] = {"custom_error_type": "unknown_source", "custom_error_message": "unknown source"}
_Item = Annotated[
    Annotated[dict[str, str], Tag("<patterns>")]
    | Annotated[TensorBoardSourceEntry, Tag("<tensorboard>")]
    | Annotated[TableSourceEntry, Tag("<table>")]
    | Annotated[JsonSourceEntry, Tag("<json>")],
    Discriminator(_one, **_UNKNOWN),
]
MetricsEntry = Annotated[
    Annotated[list[_Item], Field(min_length=1), Tag("<list>")]
    | Annotated[dict[str, str], Tag("<patterns>")]
    | Annotated[TensorBoardSourceEntry, Tag("<tensorboard>")]
    | Annotated[TableSourceEntry, Tag("<table>")]
    | Annotated[JsonSourceEntry, Tag("<json>")],
    Discriminator(_several, **_UNKNOWN),
]
