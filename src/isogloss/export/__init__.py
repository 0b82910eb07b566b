"""A promoted model in the forms that others load: a Hugging Face folder, llama.cpp control vectors, folded checkpoints."""
