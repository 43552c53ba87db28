"""Statistics, figures, HTML and PDF of a study."""
