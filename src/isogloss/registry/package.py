"""What MLflow needs beside a bundle to load it as a pyfunc: `MLmodel`, a signature, requirements and a few lines of code.

Models from code, safetensors only: nothing of a version is a pickle.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from isogloss import __version__
from isogloss.registry.bundle import Bundle
from isogloss.registry.references import BUNDLE_FOLDER

#: The file that MLflow runs, copied into every version.
CODE = Path(__file__).parent / "served.py"


def write_package(bundle: Bundle, folder: Path) -> None:
    """Write MLflow's part of a version into `folder`, which must be absent; the bundle goes to `bundle/` beside it."""
    import mlflow.pyfunc
    from mlflow.models import Model

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*An input example was not provided")  # it would load the model
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(CODE),
            signature=signature(),
            pip_requirements=[f"isogloss=={__version__}"],
            model_config={"dtype": "float32", "device": "cpu", "base": None},
            metadata={"isogloss": {"name": bundle.name, "kind": bundle.kind, "point": bundle.point}},
        )
    description = Model.load(str(folder))
    # The bundle is named here instead of being handed over as an artifact, which would copy the weights twice; and no
    # path of this machine goes along.
    flavor = description.flavors[mlflow.pyfunc.FLAVOR_NAME]
    del flavor["cloudpickle_version"]  # nothing was pickled
    flavor.update(
        {"artifacts": {BUNDLE_FOLDER: {"path": BUNDLE_FOLDER, "uri": BUNDLE_FOLDER}}, "model_code_path": CODE.name}
    )
    description.save(str(folder / "MLmodel"))


def signature() -> Any:
    """A table with `prompt` (and `options`, `language`) in; `text`, or `scores` and `picked`, out, with the `language`.

    Parameters: `task` is `generate` or `score`. `language` is that of every prompt; None detects it. `en_gamma` and
    `loc_gamma` take the place of the version's own strengths; None leaves them.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array, DataType

    text, number = DataType.string, DataType.double
    return ModelSignature(
        inputs=Schema(
            [
                ColSpec(text, "prompt"),
                ColSpec(Array(text), "options", required=False),
                ColSpec(text, "language", required=False),
            ]
        ),
        outputs=Schema(
            [
                ColSpec(text, "text", required=False),
                ColSpec(Array(number), "scores", required=False),
                ColSpec(DataType.long, "picked", required=False),
                ColSpec(text, "language", required=False),
            ]
        ),
        params=ParamSchema(
            [
                ParamSpec("task", text, "generate"),
                ParamSpec("language", text, None),
                ParamSpec("en_gamma", number, None),
                ParamSpec("loc_gamma", number, None),
                ParamSpec("max_new_tokens", DataType.long, 64),
            ]
        ),
    )
