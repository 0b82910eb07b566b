"""Running a pipeline's stages: what is cached, what is unfinished, what it will cost, and what was done."""
