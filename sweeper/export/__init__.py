"""Tables, archives and the Optuna dashboard on a store."""
