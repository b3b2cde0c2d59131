"""Renders a kustomization, as `kubectl kustomize` does, for the part of kustomize that k8s/ uses.

What it does not know it refuses: an overlay that uses more is not checked by half.
"""

import copy
import json
import pathlib

import yaml

KNOWN = {"apiVersion", "kind", "resources", "namespace", "nameSuffix", "labels", "images", "patches"}
# Kinds without a namespace of their own.
CLUSTER = {"Namespace"}


class Fault(Exception):
    """What is wrong with a kustomization, and where."""


def render(folder):
    folder = pathlib.Path(folder)
    [kustomization] = yaml.safe_load_all((folder / "kustomization.yaml").read_text())
    unknown = set(kustomization) - KNOWN
    if unknown:
        raise Fault(f"{folder}: {sorted(unknown)} is not understood here")
    objects = []
    for resource in kustomization["resources"]:
        path = folder / resource
        if path.is_dir():
            objects += render(path)
        elif path.is_file():
            objects += [made for made in yaml.safe_load_all(path.read_text()) if made]
        else:
            raise Fault(f"{folder}: there is no {resource}")
    # In the order of kustomize: patches see the names of the bases.
    for patch in kustomization.get("patches", []):
        apply(folder, patch, objects)
    if suffix := kustomization.get("nameSuffix"):
        rename(objects, suffix)
    for labels in kustomization.get("labels", []):
        label(objects, labels)
    if namespace := kustomization.get("namespace"):
        for made in objects:
            if made["kind"] not in CLUSTER:
                made["metadata"]["namespace"] = namespace
    for image in kustomization.get("images", []):
        pin(objects, image)
    names = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects]
    if len(set(names)) != len(names):
        raise Fault(f"{folder}: two objects have one name: {sorted(n for n in names if names.count(n) > 1)}")
    return objects


def apply(folder, patch, objects):
    target = patch["target"]
    matched = [made for made in objects if matches(made, target)]
    if not matched:
        raise Fault(f"{folder}: a patch has no target: {target}")
    for made in matched:
        for change in yaml.safe_load(patch["patch"]):
            if change["op"] != "replace":
                raise Fault(f"{folder}: the patch {change['op']} is not understood here")
            *path, last = change["path"].lstrip("/").split("/")
            place = made
            try:
                for key in path:
                    place = place[int(key) if isinstance(place, list) else key]
                last = int(last) if isinstance(place, list) else last
                place[last]
            except (KeyError, IndexError, ValueError) as error:
                raise Fault(f"{folder}: nothing to replace at {change['path']} of {made['metadata']['name']}") from error
            place[last] = copy.deepcopy(change["value"])


def matches(made, target):
    unknown = set(target) - {"kind", "name", "labelSelector"}
    if unknown:
        raise Fault(f"targets by {sorted(unknown)} are not understood here")
    labels = made["metadata"].get("labels", {})
    wanted = dict(pair.split("=") for pair in target.get("labelSelector", "").split(",") if pair)
    return (
        target.get("kind", made["kind"]) == made["kind"]
        and target.get("name", made["metadata"]["name"]) == made["metadata"]["name"]
        and all(labels.get(key) == value for key, value in wanted.items())
    )


def rename(objects, suffix):
    for made in objects:
        made["metadata"]["name"] += suffix
        if made["kind"] == "StatefulSet":
            made["spec"]["serviceName"] += suffix


def label(objects, labels):
    for made in objects:
        made["metadata"].setdefault("labels", {}).update(labels["pairs"])
        if not labels.get("includeSelectors"):
            continue
        spec = made.get("spec", {})
        if "template" in spec:
            spec["template"]["metadata"].setdefault("labels", {}).update(labels["pairs"])
        if made["kind"] == "Service":
            spec["selector"].update(labels["pairs"])
        elif "matchLabels" in spec.get("selector", {}):
            spec["selector"]["matchLabels"].update(labels["pairs"])


def pin(objects, image):
    for made in objects:
        for container in containers(made):
            if container["image"] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"


def pod(made):
    """The pod that an object makes, if it makes one."""
    return made.get("spec", {}).get("template", {}).get("spec")


def containers(made):
    spec = pod(made) or {}
    return spec.get("containers", []) + spec.get("initContainers", [])


if __name__ == "__main__":
    import sys

    print("---\n".join(json.dumps(made, indent=2) + "\n" for made in render(sys.argv[1])))
