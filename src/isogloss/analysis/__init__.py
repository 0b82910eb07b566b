"""Why a model stands where it stands: geometry of its hidden states, and agreement between its languages."""
