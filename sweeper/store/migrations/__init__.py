"""The versions of our tables; `sweeper.store.engine` applies them."""
