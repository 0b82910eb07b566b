"""What a command line process imports, imported ahead: see `command_line`."""

# ruff: noqa: F401

import os

os.environ.update({"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "TOKENIZERS_PARALLELISM": "false"})

import altair
import mlflow.store.tracking.sqlalchemy_store
import mlflow.tracking
import openai
import rich.progress
import rich.table
import sklearn.decomposition
import torch
import transformers.models.gemma3.modeling_gemma3
import transformers.models.llama.modeling_llama
import vl_convert

import isogloss.analysis.convergence
import isogloss.api
import isogloss.cli
import isogloss.localize.made
import isogloss.pipeline.nodes
import isogloss.pipeline.run
import isogloss.report.page
import isogloss.stages.graph
import isogloss.tracking.checks
import isogloss.tracking.ui
