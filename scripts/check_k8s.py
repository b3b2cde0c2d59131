"""Checks what k8s/ renders to; `scripts/test-k8s` runs it. Ends with `N passed, N failed`."""

import copy
import pathlib
import sys

import kubernetes_validate
import yaml

import kustomize

ROOT = pathlib.Path(__file__).parent.parent
VERSIONS = ["1.28", "1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"]
OVERLAYS = ["k8s/city", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "k8s/agencies").iterdir())]
WORKLOADS = {"Deployment", "StatefulSet"}


def schemas(objects):
    for version in VERSIONS:
        for made in objects:
            try:
                kubernetes_validate.validate(made, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"Kubernetes {version}: {name(made)}: {error.message}"


def restricted(objects):
    """What the pod security standard `restricted` asks for, and a root that nobody writes to."""
    for made in objects:
        spec = kustomize.pod(made)
        if not spec:
            continue
        context = spec.get("securityContext", {})
        yield from missing(made, "runs as somebody", context.get("runAsNonRoot") and context.get("runAsUser", 0) > 0)
        yield from missing(made, "seccomp", context.get("seccompProfile", {}).get("type") == "RuntimeDefault")
        yield from missing(made, "no service account", spec.get("automountServiceAccountToken") is False)
        host = {"hostNetwork", "hostPID", "hostIPC"} & set(spec) or [v for v in spec.get("volumes", []) if "hostPath" in v]
        yield from missing(made, "nothing of the host", not host)
        for container in kustomize.containers(made):
            own = container.get("securityContext", {})
            yield from missing(made, "no escalation", own.get("allowPrivilegeEscalation") is False)
            yield from missing(made, "read-only root", own.get("readOnlyRootFilesystem") is True)
            yield from missing(made, "no capabilities", own.get("capabilities") == {"drop": ["ALL"]})


def cared_for(objects):
    """Probes, resources, budgets, pinned images."""
    budgets = [made["spec"]["selector"]["matchLabels"] for made in objects if made["kind"] == "PodDisruptionBudget"]
    for made in objects:
        for container in kustomize.containers(made):
            resources = container.get("resources", {})
            asked = resources.get("requests", {}).keys() >= {"cpu", "memory"} and "memory" in resources.get("limits", {})
            yield from missing(made, "resources", asked)
            yield from missing(made, "a pinned image", ":" in container["image"] and not container["image"].endswith(":latest"))
            if made["kind"] in WORKLOADS:
                probes = {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
                yield from missing(made, "probes", probes)
        if made["kind"] in WORKLOADS:
            labels = made["spec"]["template"]["metadata"]["labels"]
            selected = made["spec"]["selector"]["matchLabels"]
            yield from missing(made, "a selector of its own pods", selected.items() <= labels.items())
            yield from missing(made, "a disruption budget", any(b.items() <= labels.items() for b in budgets))


def connected(objects):
    """Services reach pods, and default is to refuse."""
    pods = [made["spec"]["template"] for made in objects if made["kind"] in WORKLOADS]
    for made in objects:
        if made["kind"] == "Service":
            selector = made["spec"]["selector"]
            found = [p for p in pods if selector.items() <= p["metadata"]["labels"].items()]
            yield from missing(made, "pods of one workload", len(found) == 1)
            for port in made["spec"]["ports"] if found else []:
                names = {p["name"] for c in found[0]["spec"]["containers"] for p in c["ports"]}
                yield from missing(made, f"the port {port['targetPort']}", port["targetPort"] in names)
        if made["kind"] == "StatefulSet":
            services = {o["metadata"]["name"] for o in objects if o["kind"] == "Service"}
            yield from missing(made, "its service", made["spec"]["serviceName"] in services)
    policies = [made for made in objects if made["kind"] == "NetworkPolicy"]
    closed = [p for p in policies if p["spec"]["podSelector"] == {} and set(p["spec"]["policyTypes"]) == {"Ingress", "Egress"}
              and not p["spec"].get("ingress") and not p["spec"].get("egress")]
    if not closed:
        yield "no policy refuses what no other allows"
    for policy in policies:
        selector = policy["spec"]["podSelector"].get("matchLabels", {})
        if selector and not any(selector.items() <= p["metadata"]["labels"].items() for p in pods):
            yield f"{name(policy)} selects no pod"


def secrets(objects):
    """By reference only, and the keys that a part needs at the places where it looks."""
    for made in objects:
        if made["kind"] == "Secret":
            yield f"{name(made)}: a secret has no place in a repository"
        for volume in (kustomize.pod(made) or {}).get("volumes", []):
            for source in volume.get("projected", {}).get("sources", []):
                items = source["secret"].get("items")
                if items == []:
                    yield f"{name(made)}: its keys are not said"
                for item in items or []:
                    agency = made["metadata"]["labels"].get("hutong.agency", "data-bureau")
                    if item["path"] != f"keys/{agency}/{item['key']}":
                        yield f"{name(made)}: {item['path']} is not where {agency} keeps its keys"


def whole(overlays):
    """The parts are those of docker-compose.yml, which stands against the program's own plan."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    parts = {part for part, service in compose.items() if service["command"][0] == "run"}
    found = set()
    for overlay, objects in overlays.items():
        agency = overlay.removeprefix("k8s/agencies/")
        for made in objects:
            if made["kind"] in WORKLOADS and kustomize.containers(made)[0]["name"] == "hutong":
                own = made["metadata"]["name"]
                found.add(f"{own}-{agency}" if f"{own}-{agency}" in parts else own)
    if found != parts:
        yield f"k8s/ and docker-compose.yml differ in {sorted(found ^ parts)}"


def name(made):
    return f"{made['kind']} {made['metadata']['name']}"


def missing(made, what, holds):
    if not holds:
        yield f"{name(made)}: {what}"


def broken(objects):
    """The same with one thing wrong in each: a check that passes them is none."""
    def change(how):
        copied = copy.deepcopy(objects)
        how(next(made for made in copied if made["kind"] in WORKLOADS))
        return copied

    yield schemas, change(lambda made: made["spec"].update(replica=1))
    yield schemas, change(lambda made: made["spec"].update(replicas="two"))
    yield restricted, change(lambda made: kustomize.pod(made)["securityContext"].update(runAsUser=0))
    yield restricted, change(lambda made: kustomize.containers(made)[0]["securityContext"].pop("capabilities"))
    yield cared_for, change(lambda made: kustomize.containers(made)[0].pop("readinessProbe"))
    yield cared_for, change(lambda made: kustomize.containers(made)[0].update(image="hutong:latest"))
    yield connected, change(lambda made: made["spec"]["template"]["metadata"].update(labels={"a": "b"}))
    yield secrets, [*objects, {"kind": "Secret", "metadata": {"name": "s"}}]


def main():
    passed = failed = 0

    def judge(what, faults):
        nonlocal passed, failed
        faults = list(faults)
        if faults:
            failed += 1
            print(f"FAILED {what}", *faults[:20], sep="\n  ")
        else:
            passed += 1

    overlays = {overlay: kustomize.render(ROOT / overlay) for overlay in OVERLAYS}
    for overlay, objects in overlays.items():
        for check in [schemas, restricted, cared_for, connected, secrets]:
            judge(f"{overlay}: {check.__name__}", check(objects))
        for check, wrong in broken(objects):
            judge(f"{overlay}: {check.__name__} sees what is wrong", [] if any(check(wrong)) else ["it does not"])
    judge("the parts", whole(overlays))
    print(f"rendered {', '.join(f'{o} ({len(made)} objects)' for o, made in overlays.items())}; Kubernetes {', '.join(VERSIONS)}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
