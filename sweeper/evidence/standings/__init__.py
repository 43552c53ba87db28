"""How the configurations of a study stand: their means, stratum by stratum, and which of them may be the best."""
