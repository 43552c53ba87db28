"""Files in which a command's metrics are: what a program or its logger writes anyway, in the trial's directory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

SourceKind = Literal["tensorboard", "csv", "json", "jsonl"]

KINDS: Final[tuple[SourceKind, ...]] = get_args(SourceKind)
RUN_DIR: Final = "{run_dir}"
EVENT_FILES: Final = "**/*tfevents*"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSource:
    """Files of one kind, and where the metrics are in them.

    Attributes:
        place: a file, or a directory for TensorBoard, with placeholders; `*` and `**` match several.
        names: by metric, its tag, column or key.
        step: the column or key of the step; None for TensorBoard, and for `step` where a file has it.
        path: the dotted path of the records in a JSON file; None for the file itself.
    """

    kind: SourceKind
    place: str
    names: Mapping[str, str] = field(default_factory=dict)
    step: str | None = None
    path: str | None = None

    @property
    def within(self) -> str:
        """The place below the trial's directory."""
        return self.place.removeprefix(RUN_DIR).strip("/")


def source_to_json(source: MetricSource) -> dict[str, Any]:
    """Return a source as the study file has it."""
    where = "in" if source.kind == "tensorboard" else "file"
    given = {"step": source.step, "path": source.path}
    return {
        "from": source.kind,
        where: source.place,
        **{key: value for key, value in given.items() if value is not None},
        **source.names,
    }


def source_from_json(document: Mapping[str, Any]) -> MetricSource:
    """Return the source of a document."""
    kind: SourceKind = document["from"]
    where = "in" if kind == "tensorboard" else "file"
    own = {"from", where} | ({"step"} if kind != "tensorboard" else set()) | ({"path"} if kind == "json" else set())
    return MetricSource(
        kind=kind,
        place=document[where],
        names={name: value for name, value in document.items() if name not in own},
        step=document.get("step") if "step" in own else None,
        path=document.get("path") if "path" in own else None,
    )
