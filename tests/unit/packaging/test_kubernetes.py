"""The Kubernetes manifests: structure, confinement, probes, network; a cluster is not asked."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from esign_cli.config import Config
from tests.unit.packaging.commands import understood

FOLDER = Path(__file__).parents[3] / "deploy/kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))
OBJECTS: list[dict[str, Any]] = [
    document
    for name in KUSTOMIZATION["resources"]
    for document in yaml.safe_load_all((FOLDER / name).read_text("utf-8"))
]
VERSIONS = {
    "ConfigMap": "v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "Namespace": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PersistentVolumeClaim": "v1",
    "PodDisruptionBudget": "policy/v1",
    "Service": "v1",
    "ServiceAccount": "v1",
    "StatefulSet": "apps/v1",
}
SECRETS = {"esign-database", "esign-database-public", "esign-pin"}
"""Made by the operator (docs/guide/operate.md); no manifest holds one."""


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {o["metadata"]["name"]: o for o in OBJECTS if o["kind"] == kind}


PODS = {o["metadata"]["name"]: o["spec"]["template"] for o in OBJECTS if "template" in o.get("spec", {})}
SERVING = ("esign-api", "esign-public")


def container(pod: str) -> dict[str, Any]:
    (only,) = PODS[pod]["spec"]["containers"]
    return dict(only)


def test_every_file_is_applied_and_every_object_is_of_a_known_version() -> None:
    files = {p.name for p in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(KUSTOMIZATION["resources"])
    assert {(o["kind"], o["apiVersion"]) for o in OBJECTS} <= set(VERSIONS.items())
    names = [(o["kind"], o["metadata"]["name"]) for o in OBJECTS]
    assert len(names) == len(set(names))
    assert set(PODS) == {"esign-migrate", "esign-api", "esign-work", "esign-public"}


@pytest.mark.parametrize("pod", PODS)
def test_confined(pod: str) -> None:
    spec, inside = PODS[pod]["spec"], container(pod)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["serviceAccountName"] in named("ServiceAccount")
    assert inside["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert inside["resources"]["limits"]["memory"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    # What the namespace's standard lets a pod mount (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    assert {kind for volume in spec["volumes"] for kind in volume if kind != "name"} <= allowed
    assert named("Namespace")["esign"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("pod", PODS)
def test_mounts_have_volumes_and_secrets_are_the_operators(pod: str) -> None:
    spec, inside = PODS[pod]["spec"], container(pod)
    claims = {
        c["metadata"]["name"] for c in named("StatefulSet").get(pod, {}).get("spec", {}).get("volumeClaimTemplates", [])
    }
    volumes = {v["name"]: v for v in spec["volumes"]}
    assert {m["name"] for m in inside["volumeMounts"]} == set(volumes) | claims
    places = [m["mountPath"] for m in inside["volumeMounts"]]
    assert len(places) == len(set(places))
    assert "/tmp" in {m["mountPath"] for m in inside["volumeMounts"]}
    for volume in volumes.values():
        if "secret" in volume:
            assert volume["secret"]["secretName"] in SECRETS
            assert volume["secret"]["defaultMode"] == 0o440
        if "persistentVolumeClaim" in volume:
            assert volume["persistentVolumeClaim"]["claimName"] in named("PersistentVolumeClaim")
        if "configMap" in volume:
            assert volume["configMap"]["name"] in {g["name"] for g in KUSTOMIZATION["configMapGenerator"]}
    assert not inside.get("envFrom")
    assert {e["name"] for e in inside.get("env", [])} <= {"ESIGN_CONFIG"}


@pytest.mark.parametrize("pod", PODS)
def test_commands_exist(pod: str) -> None:
    wanted = {"esign-migrate": ["esign", "registry", "migrate"], "esign-work": ["esign", "work"]}
    assert understood(container(pod)["args"]) == wanted.get(pod, ["esign", "serve"])
    assert ("--public" in container(pod)["args"]) == (pod == "esign-public")


@pytest.mark.parametrize("pod", SERVING)
def test_probes_ports_and_disruptions(pod: str) -> None:
    inside = container(pod)
    ports = {p["name"]: p["containerPort"] for p in inside["ports"]}
    args = inside["args"]
    assert str(ports["http"]) == args[args.index("--port") + 1]
    config = args[args.index("--config") + 1] if "--config" in args else "esign.toml"
    assert ports["metrics"] == Config.load(FOLDER / Path(config).name).service.metrics_port
    assert ports["http"] != ports["metrics"]
    assert inside["livenessProbe"]["httpGet"] == inside["startupProbe"]["httpGet"] == {"path": "/livez", "port": "http"}
    assert inside["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert PODS[pod]["spec"]["terminationGracePeriodSeconds"] > 30
    assert named("PodDisruptionBudget")[pod]["spec"]["minAvailable"] >= 1
    assert named("Deployment")[pod]["spec"]["replicas"] >= 2
    service = named("Service")[pod]["spec"]
    assert [p["targetPort"] for p in service["ports"]] == ["http"], "the metrics are not served to the world"


def test_selectors_find_their_pods() -> None:
    labels = {name: pod["metadata"]["labels"] for name, pod in PODS.items()}
    for kind in ("Deployment", "StatefulSet"):
        for name, found in named(kind).items():
            assert found["spec"]["selector"]["matchLabels"].items() <= labels[name].items()
    for service in named("Service").values():
        assert any(service["spec"]["selector"].items() <= pod.items() for pod in labels.values())


def test_the_public_side_has_neither_token_nor_pin_nor_documents() -> None:
    spec = PODS["esign-public"]["spec"]
    assert not {v["name"] for v in spec["volumes"]} & {"pin", "module"}
    assert "esign/signs" not in PODS["esign-public"]["metadata"]["labels"]
    secrets = {v["secret"]["secretName"] for v in spec["volumes"] if "secret" in v}
    assert secrets == {"esign-database-public"}
    files = {
        m["subPath"]: m.get("readOnly", False)
        for m in container("esign-public")["volumeMounts"]
        if m["name"] == "files"
    }
    assert files == {"public": True, "used-codes": False}


def test_one_worker_a_token() -> None:
    (work,) = named("StatefulSet").values()
    assert work["spec"]["replicas"] == 1


def test_nothing_leaves_but_to_the_database_names_and_the_authorities() -> None:
    policies = named("NetworkPolicy")
    assert policies["esign-nothing"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        for rule in policy["spec"].get("egress", []):
            assert rule["to"], f"{name}: a rule without `to` lets everything out"
            assert rule["ports"], name
            blocks = [to["ipBlock"]["cidr"] for to in rule["to"] if "ipBlock" in to]
            assert all(block.endswith("/32") for block in blocks), name
    allowed = {n: p["spec"]["podSelector"].get("matchLabels") for n, p in policies.items()}
    assert allowed["esign-authorities"] == {"esign/signs": "true"}
    assert allowed["esign-database"] == {"esign/reaches": "database"}


@pytest.mark.parametrize("name", ["esign.toml", "public.toml"])
def test_the_configurations_are_read(name: str) -> None:
    config = Config.load(FOLDER / name)
    assert str(config.paths.registry).startswith("postgresql://")
    text = (FOLDER / name).read_text("utf-8")
    assert name in KUSTOMIZATION["configMapGenerator"][0]["files"]
    assert name == "esign.toml" or "[key]" not in text


def test_kustomize_builds_it() -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed: our own assertions above stand alone")
    done = subprocess.run(["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    built = [o for o in yaml.safe_load_all(done.stdout) if o]
    assert {o["kind"] for o in built} == set(VERSIONS)
    assert all(o["metadata"].get("namespace", "esign") == "esign" for o in built)
    images = {
        c["image"]
        for o in built
        if "template" in o.get("spec", {})
        for c in o["spec"]["template"]["spec"]["containers"]
    }
    assert images == {"esign:0.1.0"}
