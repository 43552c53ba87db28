"""The figures of a report, drawn with matplotlib as SVG, each with its data and its text alternative."""
