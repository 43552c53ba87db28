"""The store: one database that holds a study, its queue, its attempts and its measurements, beside Optuna's tables."""
