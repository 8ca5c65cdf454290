#!/usr/bin/env python3
"""Checks the chart and the manifests: Helm renders and lints the chart, and each object is valid.

    pip install helm-python-sdk==0.2.2 kubernetes-validate==1.37.0 pyyaml
    deploy/check.py
"""

import pathlib

import helm_python
import kubernetes_validate
import yaml

HERE = pathlib.Path(__file__).parent
CHART = HERE / "helm" / "acspass-exchange"
VERSION = kubernetes_validate.latest_version()
# Objects of other APIs have no schema in Kubernetes.
FOREIGN = {"ServiceMonitor"}

VARIANTS = {
    "default": {},
    "key and TLS": {
        "accessKeySecretName": "acs", "tlsSecretName": "tls", "clientCertificates": True, "secretName": "more",
    },
    "workload identity, autoscaling, monitor": {
        "workloadIdentity": {"enabled": True, "clientId": "c", "tenantId": "t"},
        "autoscaling": {"enabled": True}, "serviceMonitor": {"enabled": True},
        "networkPolicy": {"from": [{"podSelector": {}}], "metricsFrom": [{"namespaceSelector": {}}]},
        "imagePullSecrets": [{"name": "registry"}], "nodeSelector": {"a": "b"},
    },
    "further variables and files": {
        "extraEnv": [{"name": "AZURE_CLIENT_ID", "value": "c"}],
        "extraVolumes": [{"name": "entra", "secret": {"secretName": "certificate"}}],
        "extraVolumeMounts": [{"name": "entra", "mountPath": "/etc/entra", "readOnly": True}],
    },
    "example": yaml.safe_load((HERE / "helm" / "example-values.yaml").read_text()),
    "without options": {
        "podDisruptionBudget": {"enabled": False}, "networkPolicy": {"enabled": False},
        "serviceAccount": {"create": False, "name": "own"},
    },
}
EXPECTED = {
    "default": {"Deployment": 1, "NetworkPolicy": 1, "PodDisruptionBudget": 1, "Service": 2, "ServiceAccount": 1},
    "key and TLS": {"Deployment": 1, "NetworkPolicy": 1, "PodDisruptionBudget": 1, "Service": 2, "ServiceAccount": 1},
    "workload identity, autoscaling, monitor": {
        "Deployment": 1, "HorizontalPodAutoscaler": 1, "NetworkPolicy": 1, "PodDisruptionBudget": 1, "Service": 2,
        "ServiceAccount": 1, "ServiceMonitor": 1,
    },
    "further variables and files": {
        "Deployment": 1, "NetworkPolicy": 1, "PodDisruptionBudget": 1, "Service": 2, "ServiceAccount": 1,
    },
    "example": {"Deployment": 1, "NetworkPolicy": 1, "PodDisruptionBudget": 1, "Service": 2, "ServiceAccount": 1},
    "without options": {"Deployment": 1, "Service": 2},
}


def check(name, text):
    """Validates each object, and counts the kinds."""
    kinds = {}
    for item in yaml.safe_load_all(text):
        if not item:
            continue
        kinds[item["kind"]] = kinds.get(item["kind"], 0) + 1
        if item["kind"] not in FOREIGN:
            kubernetes_validate.validate(item, VERSION, strict=True)
        if item["kind"] == "Deployment":
            pod = item["spec"]["template"]["spec"]
            container = pod["containers"][0]
            assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 65534, name
            assert container["securityContext"]["readOnlyRootFilesystem"], name
            mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert mounts == {volume["name"] for volume in pod.get("volumes", [])}, name
            if name == "further variables and files":
                assert mounts == {"entra"} and {"name": "AZURE_CLIENT_ID", "value": "c"} in container["env"], name
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys(), name
    return kinds


def main():
    chart = helm_python.Chart.load(str(CHART))
    for name, values in VARIANTS.items():
        rendered = chart.render(values, name="acs", namespace="default")
        manifests = (text for path, text in rendered.items() if path.endswith(".yaml"))
        text = "\n---\n".join(manifests)
        kinds = check(name, text)
        assert kinds == EXPECTED[name], f"{name}: {kinds}"
        print("ok", name, kinds)
    for path in sorted((HERE / "kubernetes").glob("*.yaml")):
        print("ok", path.name, check(path.name, path.read_text()))
    report = helm_python.lint(CHART, strict=True)
    problems = [message for message in report["messages"] if message["severity"] > 1]
    assert not problems and not report["errors"], report
    print("ok lint")


if __name__ == "__main__":
    main()
