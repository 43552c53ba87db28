"""What a plan takes here: its device and slots, and the predictions that the store and the machine allow."""

from sweeper.errors import UsageError
from sweeper.execution.slots.resources import find_gpus, find_slots
from sweeper.forecast.pilot_throughput import Pilots
from sweeper.forecast.trial_seconds import Prediction, predict
from sweeper.planning.plan import Plan, Reference
from sweeper.spec.study import Study
from sweeper.store.reading.history import past_runs
from sweeper.store.reading.pilots import known_pilots


def pilots_for(study: Study, store: str) -> Pilots:
    """What pilots of the study's program measured on slots as it would have here.

    Raises:
        StoreError: there is a store, but it cannot be read.
    """
    device, resources = device_for(study), study.resources
    return known_pilots(
        store,
        study.trial.program,
        device=device,
        device_share=resources.device_share(device),
        threads=resources.threads_per_trial,
    )


def predicted_for(study: Study, planned: Plan, store: str, pilots: Pilots | None = None) -> dict[Reference, Prediction]:
    """Predictions for the trials of a plan, from what the store knows and what the machine has.

    Raises:
        StoreError: there is a store, but it cannot be read.
    """
    history = past_runs(store, study.trial.program)
    known = pilots if pilots is not None else pilots_for(study, store)
    return predict(planned, study, history, device=device_for(study), pilots=known)


def device_for(study: Study) -> str:
    """cpu or cuda: what the study's trials would run on here."""
    wanted = study.resources.device
    return ("cuda" if find_gpus() else "cpu") if wanted == "auto" else wanted


def slots_for(study: Study, slots: int | None) -> tuple[int, str]:
    """How many trials would run at a time, and why so many."""
    if slots is not None:
        return slots, "--slots"
    resources = study.resources
    if resources.slots != "auto":
        return resources.slots, "resources.slots"

    try:
        places = find_slots(
            resources.device,
            None,
            gpus_per_trial=resources.gpus_per_trial,
            threads_per_trial=resources.threads_per_trial,
        )
    except UsageError:  # planned here, to be run elsewhere
        return 1, f"assumed: this machine has no {resources.device} for it"
    return len(places), "this machine's"
