"""Localized BLEnD and translated instructions: who is asked, what they answered, and the checks of it."""
