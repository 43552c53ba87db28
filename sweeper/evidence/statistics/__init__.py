"""Statistics over arrays; they know nothing of studies, figures or files.

=====================  ==========================================================================================
`paired`               paired t-inference, also with the variance pooled over a stratum; bootstrap; sign flips
`multiplicity`         Holm's adjustment; intersection and union of tests
`equivalence`          two one-sided tests, non-inferiority
`power`                power, pairs needed to decide, smallest effect that could have been seen
`factorial`            main effects and two-way interactions of two-level designs, with what they are aliased with
`attribution`          Shapley values beside leave-one-out and add-one
`forest`, `ped_anova`  importance of factors: fANOVA and PED-ANOVA
`censoring`            what pruned trials would have reached, between bounds
`best_of_n`            expected validation performance
`curves`               Pareto fronts, anytime curves, quantile bands
=====================  ==========================================================================================

Every function that draws takes a `numpy.random.Generator`.
"""
