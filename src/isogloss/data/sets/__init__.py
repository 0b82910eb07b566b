"""Published data sets by name: one small module for each, from its publisher's columns into the project's formats."""
