"""Registered versions: bundles that carry a point of the plane, the gate before them, the MLflow registry, and the way back.

Beside `tracking` the only place that imports mlflow, and only inside functions.
"""
