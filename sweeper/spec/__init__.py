"""The study file: what it may say, its checks, and the typed `Study` that everything after it takes."""
