"""What a paper takes from a study: tables in LaTeX and Markdown, figures as vector PDF, and a macro for each number."""
