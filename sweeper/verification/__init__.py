"""Whether a bundled study is what it says: its files, its verdicts, and some of its trials run again."""
