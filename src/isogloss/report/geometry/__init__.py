"""Why the plane looks as it does: directions, states and choices of the models, layer by layer."""

from isogloss.report.geometry.given import Geometry

__all__ = ["Geometry"]
