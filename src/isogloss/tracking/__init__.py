"""The record of what was run: a local journal, its projection to MLflow, the MLflow user interface and store checks.

The only place that imports mlflow, and only inside functions: importing these modules stays cheap.
"""
