"""The study file: what it may say, and every mistake in it at its place.

>>> study = parse_study('''
... study: s
... metric: {name: loss, direction: minimize}
... trial: {program: {python: "a:b"}}
... factors: {rate: {path: rate, levels: [0.0, 0.1]}}
... phases: [{name: p, design: grid, seeds: 2, budget: {steps: 10}}]
... ''')
>>> study.document["phases"][0]["seeds"]
[0, 1]
"""

from sweeper.spec.load import load_study, parse_study
from sweeper.spec.schema import json_schema
from sweeper.spec.study import Study

__all__ = ["Study", "json_schema", "load_study", "parse_study"]
