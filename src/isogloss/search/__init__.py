"""The search for layers and strengths: a two-objective Optuna study that any number of workers share.

`space` has the points, `study` opens the study and reads its trials, `worker` runs them, `front` makes a
:class:`~isogloss.search.result.SearchResult` of them. Only this package imports optuna.
"""
