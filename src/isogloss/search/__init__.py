"""The search for layers and strengths: a two-objective Optuna study that any number of workers share.

`space` and `point` say what is searched, `storage` and `study` open the study, `worker` runs trials, `trials` reads
them, `front` and `summary` make a :class:`~isogloss.search.result.SearchResult` of them. Only this package imports
optuna.
"""
