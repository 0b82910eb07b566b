"""What a command line process imports, imported ahead: see `command_line`."""

# ruff: noqa: F401

import os

os.environ.update({"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "TOKENIZERS_PARALLELISM": "false"})

import altair
import mlflow.store.tracking.sqlalchemy_store
import mlflow.tracking
import openai
import sklearn.decomposition
import torch
import transformers.models.gemma3.modeling_gemma3
import transformers.models.llama.modeling_llama
import vl_convert

import isogloss.cli.analyse
import isogloss.cli.doctor
import isogloss.cli.evaluate
import isogloss.cli.localize
import isogloss.cli.pipelines
import isogloss.report.page
import isogloss.tracking.ui
