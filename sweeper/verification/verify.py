"""Verify a bundle: unpack it, check its tables, judge its claims again, and run some of its trials again."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sweeper import __version__
from sweeper.errors import SweeperError
from sweeper.evidence.data.load import StudyData, load_archive
from sweeper.export.archive import Archive, read_archive
from sweeper.export.bundle import Manifest
from sweeper.export.maker import this_maker
from sweeper.export.unbundle import Damage, file_sha256, unpack
from sweeper.quantities import counted
from sweeper.store.reading.reader import TrialRow
from sweeper.verification.basis import Basis, basis_of
from sweeper.verification.choice import chosen
from sweeper.verification.comparing import Rerun, compared, not_run
from sweeper.verification.findings import Finding
from sweeper.verification.kinds import Kind, kind_of
from sweeper.verification.noise import Noise
from sweeper.verification.report import MakeReport, report_is_that_of_the_tables
from sweeper.verification.rerun import run_again, why_not_here
from sweeper.verification.tables import missing_files, tables_are_whole
from sweeper.verification.verdicts import Judged, judge_again, verdicts_come_out_again

Conclusion = Literal[
    "as_recorded", "as_recorded_by_other_code", "interrupted", "damaged", "not_reproduced", "contradicted", "other_code"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found of a bundle.

    Attributes:
        sha256: of the file, as its publisher may have stated it.
        manifest: None if the file is not whole.
        basis: whether the code that wrote it is that which runs here; None if the file is not whole.
        interrupted: whether the user stopped it.
    """

    sha256: str
    manifest: Manifest | None
    findings: tuple[Finding, ...]
    basis: Basis | None = None
    claims: tuple[Judged, ...] = ()
    reruns: tuple[Rerun, ...] = ()
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything is as it should be."""
        return not self.interrupted and all(finding.ok for finding in self.findings)

    @property
    def conclusion(self) -> Conclusion:
        """What all findings say together.

        damaged: the file is not as its manifest says. not_reproduced: only trials that were run again differ.
        contradicted: the code that wrote it does not give this from its tables, so it was edited, and its checksums
        were made anew. other_code: it does not come out again, which may be due to the other code.
        """
        wrong = {finding.check for finding in self.findings if not finding.ok}
        if self.basis is None or "files" in wrong:
            return "damaged"
        if not wrong and self.interrupted:
            return "interrupted"
        if not wrong:
            return "as_recorded" if self.basis.is_same_code else "as_recorded_by_other_code"
        if wrong == {"rerun"}:
            return "not_reproduced"
        is_certain = self.basis.is_same_code or bool(wrong & {"tables", "values"})
        return "contradicted" if is_certain else "other_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to check beyond the tables and the verdicts.

    Attributes:
        make_report: makes the report again, to compare it; None to leave it out.
        number: how many; 0 for none.
        seed: of the choice.
        on_start: called with the trials.
        on_tick: called about once a second with the URL of their store.
    """

    make_report: MakeReport | None = None
    number: int = 0
    seed: int = 0
    on_start: Callable[[Sequence[TrialRow]], None] = field(default=lambda _: None)
    on_tick: Callable[[str], None] = field(default=lambda _: None)


def verify(path: Path, wish: Wish) -> Verified:
    """Return what is found of a bundle.

    Raises:
        OSError: the file cannot be read.
        UsageError: a later version of sweeper wrote it.
    """
    digest = file_sha256(path)
    with tempfile.TemporaryDirectory(prefix="sweeper-bundle-") as scratch:
        directory = Path(scratch)
        try:
            manifest = unpack(path, directory)
        except Damage as damage:
            lines = tuple(Finding(check="files", ok=False, text=line) for line in damage.lines)
            return Verified(sha256=digest, manifest=None, findings=lines)
        return _verify(digest, manifest, directory, wish)


def _verify(digest: str, manifest: Manifest, directory: Path, wish: Wish) -> Verified:
    number, basis = counted(len(manifest.files), "file"), basis_of(manifest, this_maker(__version__))
    findings = [basis.finding]
    findings += [Finding(check="files", ok=True, text=f"{number}, each with the size and SHA-256 of manifest.json")]
    claims: list[Judged] = []
    if missing := missing_files(manifest):
        return Verified(sha256=digest, manifest=manifest, findings=(*findings, *missing), basis=basis)
    check = "tables"
    try:
        archive, data = read_archive(directory), load_archive(directory)
        findings += tables_are_whole(manifest, archive, directory, basis)
        check = "verdicts"
        claims = judge_again(data, directory, basis)
        findings += verdicts_come_out_again(claims, basis)
        if wish.make_report is not None:
            findings += report_is_that_of_the_tables(data, manifest.as_of, directory, wish.make_report, basis)
    except Exception as error:  # anybody may have made the tables
        why = str(error).replace(f"{directory}/", "").replace(f"{directory}: ", "")
        what = why if isinstance(error, SweeperError | ValueError) else f"{type(error).__name__}: {why}"
        findings.append(Finding(check=check, ok=False, text=what))
        return Verified(sha256=digest, manifest=manifest, findings=tuple(findings), basis=basis, claims=tuple(claims))
    reruns = _reruns(archive, data, wish) if wish.number else []
    if reruns is not None:
        findings += [Finding(check="rerun", ok=each.ok, text=each.text) for each in reruns]
        if wish.number and not reruns:
            text = "no trial can be run again: none completed on its own"
            findings.append(Finding(check="rerun", ok=False, text=text))
    return Verified(
        sha256=digest,
        manifest=manifest,
        findings=tuple(findings),
        basis=basis,
        claims=tuple(claims),
        reruns=tuple(reruns or ()),
        interrupted=reruns is None,
    )


def _reruns(archive: Archive, data: StudyData, wish: Wish) -> list[Rerun] | None:
    """Return how trials compare that are run again; None if the user interrupted them."""
    study = data.study
    trials = chosen(study, archive.trials, wish.number, wish.seed)
    why = why_not_here(study, Path.cwd())
    if why or not trials:
        return [not_run(trial, why) for trial in trials]
    wish.on_start(trials)
    try:
        ran = run_again(study, trials, wish.on_tick)
    except SweeperError as error:
        return [not_run(trial, str(error)) for trial in trials]
    if ran is None:
        return None
    ended, slots, environment = ran
    threads = study.resources.threads_per_trial
    here = kind_of(environment, device=slots[0].device, threads=threads)
    noise, there = Noise(data), _kinds(archive, threads)
    return [
        compared(
            study,
            trial,
            ended[trial.phase, trial.number],
            recorded=there[trial.id],
            here=here,
            noise=noise.prediction(trial.id),
        )
        for trial in trials
    ]


def _kinds(archive: Archive, threads: int) -> Mapping[int, Kind]:
    """Return by trial the kind of machine of its last attempt."""
    return {
        row.trial_id: kind_of(
            archive.environments.get(row.environment_sha256 or "", {}), device=row.device, threads=threads
        )
        for row in archive.attempts
    }
