"""The post-training methods: MIST, CLO and MIDALIGN, on one footing of rows, guards, checkpoints and launch shapes."""
