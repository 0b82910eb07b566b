"""`isogloss promote` and `fetch`: register the points of a search, and fetch a registered version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isogloss.cli.console import Json, PipelineFile, Set, make_table, output, print_json, say
from isogloss.cli.plan import read_plan
from isogloss.errors import UserError

if TYPE_CHECKING:
    from isogloss.pipeline.promote import Promotion


def promote(
    pipeline: PipelineFile,
    overrides: Set = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model (default: promote.name of the pipeline).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take the points of a finished search through the gate and register them; aliases move last."""
    from isogloss.pipeline.promote import promote

    promotion = promote(read_plan(pipeline, overrides or []), name=name)
    if as_json:
        print_json(promotion_json(promotion))
    else:
        show_promotion(promotion)


def promotion_json(promotion: Promotion) -> dict[str, Any]:
    """Return the stable JSON: the model's name, its versions with point and aliases, and each refusal with its reasons."""
    aliases = _aliases_by_version(promotion)
    return {
        "name": promotion.name,
        "versions": [
            {
                "version": version.number,
                "point": version.point,
                "bundle": bundle.name,
                "new": version.new,
                "aliases": aliases.get(version.number, []),
            }
            for version, bundle in zip(promotion.registered.versions, promotion.bundles, strict=True)
        ],
        "refused": promotion.refused,
    }


def show_promotion(promotion: Promotion) -> None:
    """Print a table of the versions, the refusals, and how to fetch the champion."""
    from isogloss.results.format import delta_text
    from isogloss.results.scores import MACRO

    aliases = _aliases_by_version(promotion)
    table = make_table(
        ("version", "point", "transfer Δ", "localization Δ", "aliases"), title=f"registered model {promotion.name}"
    )
    for version, bundle in zip(promotion.registered.versions, promotion.bundles, strict=True):
        table.add_row(
            f"{version.number}{'' if version.new else ' (known)'}",
            bundle.name,
            *(delta_text(bundle.scores.delta[axis][MACRO]) for axis in ("transfer", "localization")),
            ", ".join(aliases.get(version.number, [])),
        )
    output().print(table)
    for label, reasons in promotion.refused.items():
        say(f"{label} was not promoted: {'; '.join(reasons)}")
    say(f"next: isogloss fetch models:/{promotion.name}@champion DIR")


def versions_by_bundle(promotion: Promotion) -> dict[str, dict[str, Any]]:
    """Return `version` and `aliases` of each registered bundle, by the bundle's name."""
    aliases = _aliases_by_version(promotion)
    return {
        bundle.name: {"version": version.number, "aliases": aliases.get(version.number, [])}
        for version, bundle in zip(promotion.registered.versions, promotion.bundles, strict=True)
    }


def _aliases_by_version(promotion: Promotion) -> dict[int, list[str]]:
    """Return the aliases of each version number, sorted."""
    aliases: dict[int, list[str]] = {}
    for alias, number in sorted(promotion.registered.aliases.items()):
        aliases.setdefault(number, []).append(alias)
    return aliases


def fetch(
    ref: Annotated[str, typer.Argument(metavar="REF", help="models:/NAME@champion or models:/NAME/3.")],
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Folder to make.")],
    uri: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Store or tracking server (default: MLFLOW_TRACKING_URI, or mlflow.db)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch a registered version, verified, as a folder that loads."""
    import shlex

    from isogloss.registry.fetch import fetch
    from isogloss.tracking.store import connect, database_path, shown_uri, tracking_uri

    store = uri or tracking_uri(Path.cwd())
    database = database_path(store)
    if database is not None and not database.exists():
        raise UserError(
            f"{shown_uri(store)}: no store there. Go to the project's folder, or name a store or server: --uri URI"
        )
    with connect(store) as client:
        version = fetch(ref, dest, client=client)
    bundle = version.bundle
    if as_json:
        print_json(
            {
                "name": version.name,
                "version": int(version.version),
                "folder": str(bundle.folder),
                "new": version.new,
                "kind": bundle.kind,
                "point": bundle.point,
                "base": bundle.base.ref,
                "languages": list(bundle.languages),
            }
        )
    else:
        done = "is in" if version.new else "was there already, whole, in"
        print(f"version {version.version} of '{version.name}' ({bundle.kind}, base {bundle.base.ref}) {done} {dest}")
    say(f"next: isogloss generate {shlex.quote(str(dest))} PROMPT")
