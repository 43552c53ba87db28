"""A small bundle, and how to edit it so that its checksums fit."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

from sweeper import __version__
from sweeper.cli.verify import make_report
from sweeper.export.bundle import MANIFEST, bundle, sha256, zipped
from sweeper.export.maker import Maker, this_maker
from sweeper.verification.verify import Verified, Wish, verify
from tests.sweeper.export.test_bundle import Members, members_of

FILE = """\
study: quickstart
description: Which dropout helps a small Transformer-XL most?
metric: {name: valid_perplexity, direction: minimize, scale: log}
trial: {program: trainer}
budget: {device_hours: 1.0}
factors:
  embedding_dropout: {path: regularization.embedding_dropout, levels: [0.0, 0.1, 0.2]}
  input_dropout: {path: regularization.input_dropout, levels: [0.0, 0.3]}
  depth: {path: model.layers, levels: [2, 4]}
phases:
  - {name: screen, design: one_at_a_time, seeds: 3, budget: {steps: 300}}
  - name: long
    design:
      list:
        - {embedding_dropout: 0.0, input_dropout: 0.0, depth: 2}
        - {embedding_dropout: 0.0, input_dropout: 0.3, depth: 2}
    seeds: 3
    budget: {steps: 1500}
claims:
  - id: input-dropout-helps
    text: Input dropout lowers validation perplexity.
    contrast: {phase: screen, factor: input_dropout, from: 0.0, to: 0.3}
    expect: decrease
    at_least: 1%
  - id: depth-helps
    text: Four layers are better than two.
    contrast: {phase: screen, factor: depth, from: 2, to: 4}
    expect: decrease
"""


def forged(content: bytes, change: Callable[[Members], object], maker: Maker | None = None) -> bytes:
    """The bundle after a change, with sizes, checksums and numbers of rows that fit it."""
    members = members_of(content)
    known = json.loads(members.pop(MANIFEST))
    change(members)
    rows = {name: len(rows_of(members[name])) for name in known["rows"]}
    return bundle(
        members,
        study=known["study"],
        version=known["sweeper"],
        as_of=known["as_of"],
        rows=rows,
        made_by=maker or this_maker(__version__),
    )


def remade(content: bytes, change: Callable[[Members], object] = lambda _: None, **manifest: object) -> bytes:
    """The bundle after a change, with checksums that fit it, and with other entries of the manifest."""
    members = members_of(content)
    known = json.loads(members.pop(MANIFEST))
    change(members)
    files = {name: {"sha256": sha256(each), "bytes": len(each)} for name, each in members.items()}
    return zipped({MANIFEST: json.dumps({**known, "files": files, **manifest}).encode(), **members})


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def edited(content: bytes, change: Callable[[list[dict[str, str]]], object]) -> bytes:
    rows = rows_of(content)
    change(rows)
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()


def verified(content: bytes, folder: Path, *, report: bool = False) -> Verified:
    path = folder / "study.zip"
    path.write_bytes(content)
    return verify(path, Wish(make_report=make_report if report else None))


def wrong(found: Verified) -> str:
    assert not found.ok
    return "\n".join(f"{finding.check}: {finding.text}" for finding in found.findings if not finding.ok)
