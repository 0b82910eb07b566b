"""EN, LOC and Surgical Steering: vectors per language and layer, interventions made of them, and their application."""
