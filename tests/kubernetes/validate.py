"""Checks deploy/kubernetes: every object against Kubernetes' own schemas, and
against the rest of the repository. Needs requirements.txt."""

import re
import sys
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"
# The oldest version that is still maintained, and the newest known here.
VERSIONS = ("1.32", "1.37")


def containers(document):
    template = document.get("spec", {}).get("template", {})
    return template.get("spec", {}).get("containers", [])


def check():
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    listed = kustomization["resources"]
    there = sorted(path.name for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
    if sorted(listed) != there:
        yield f"kustomization.yaml lists {sorted(listed)}, and there are {there}"
    documents = [
        (name, document) for name in listed for document in yaml.safe_load_all((FOLDER / name).read_text())
    ]
    options = set(re.findall(r"SLUICE_(?:SCHEDULER|EXECUTOR)_\w+", (ROOT / "docs/configuration.md").read_text()))
    targets = set(re.findall(r"^FROM \S+ AS (\S+)", (ROOT / "Dockerfile").read_text(), re.M))
    version = re.search(r"^SLUICE_VERSION=(.+)$", (ROOT / ".env").read_text(), re.M)[1]
    tags = {image["name"]: image["newTag"] for image in kustomization["images"]}
    for name, document in documents:
        what = f"{name}: {document['kind']} {document['metadata']['name']}"
        for kubernetes in VERSIONS:
            try:
                kubernetes_validate.validate(document, kubernetes, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{what}: {error.message} at {list(error.path)} ({kubernetes})"
        for container in containers(document):
            for variable in container.get("env", []):
                if variable["name"] not in options:
                    yield f"{what}: {variable['name']} is no option in docs/configuration.md"
            image = container["image"]
            if image.removeprefix("sluice/") not in targets:
                yield f"{what}: the Dockerfile has no target for {image}"
            if tags.get(image) != version:
                yield f"{what}: the tag of {image} is {tags.get(image)}, and .env says {version}"
            if "limits" not in container["resources"]:
                yield f"{what}: no limits, which executors size themselves by"
    print(f"{len(documents)} objects checked against Kubernetes {' and '.join(VERSIONS)}")


if __name__ == "__main__":
    problems = list(check())
    print("\n".join(problems) or "no problems")
    sys.exit(bool(problems))
