"""The package's metadata for Airflow is correct."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import airflow
import jsonschema
import yaml
from airflow.providers_manager import ProvidersManager
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

from sluice_airflow import __version__
from sluice_airflow.get_provider_info import get_provider_info
from sluice_airflow.hooks.sluice import SluiceHook

ROOT = Path(__file__).resolve().parents[2]


def test_python_and_yaml_say_the_same() -> None:
    assert get_provider_info() == yaml.safe_load((ROOT / "provider.yaml").read_text())


def test_airflow_accepts_it() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_every_named_module_exists() -> None:
    info = get_provider_info()
    for part in ("operators", "sensors", "hooks", "triggers"):
        for entry in info[part]:
            for module in entry["python-modules"]:
                import_module(module)


def test_the_provider_manager_finds_connection_and_link() -> None:
    manager = ProvidersManager()
    assert manager.providers["airflow-provider-sluice"].version == __version__
    hook = ProvidersManagerTaskRuntime().hooks["sluice"]
    assert hook is not None and hook.hook_class_name.endswith("SluiceHook")
    assert "sluice_airflow.links.job.SluiceJobLink" in manager.extra_links_class_names


def test_the_form_is_the_same_in_both_places() -> None:
    declared = get_provider_info()["connection-types"][0]["ui-field-behaviour"]
    assert SluiceHook.get_ui_field_behaviour() == {
        key.replace("-", "_"): value for key, value in declared.items()
    }


def test_versions_agree() -> None:
    assert version("airflow-provider-sluice") == __version__
