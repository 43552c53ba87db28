"""Statistics over arrays; they know nothing of studies, figures or files.

=====================  ==========================================================================================
`paired`               the t of paired differences and its estimate; bootstrap; sign flips
`two_way`, `pooling`   the variance that the arms of a stratum share, and which arms vary more
`contrast`             a contrast of runs: by the shared variance, by its own pairs, or by one difference per seed
`resolution`           the digits of a metric, and the least standard error that they allow
`replicates`           whether the seed changes anything
`heterogeneity`        whether an effect is the same in several strata
`multiplicity`         Holm's adjustment; intersection and union of tests; equivalence by two one-sided tests
`selection`            what picking the best of several levels costs
`divergence`           runs that diverged: as the worst there is, and as shares that are compared
`power`                power of one-sided tests, pairs needed, smallest effect that could have been seen
`sample_size`          power of equivalence; seeds to decide a claim, planned on its margin
`group_sequential`     looking more than once, up to a planned end; `sphere_chain` has the looks' joint distribution
`anytime`              looking more than once without a planned end
`futility`             whether going on is worth it
`factorial`            main effects and two-way interactions of two-level designs, with what they are aliased with
`attribution`          Shapley values, leave-one-out and add-one
`forest`, `ped_anova`  importance of factors: fANOVA and PED-ANOVA
`centring`             responses without strata and seeds; factors that are aliased
`censoring`            what pruned trials would have reached, between bounds
`evaluations`          whether runs were evaluated equally often, and with equal noise
`curves`               anytime curves, expected best of n trials, Pareto fronts, quantile bands
=====================  ==========================================================================================

Every function that draws takes a `numpy.random.Generator`.
"""
