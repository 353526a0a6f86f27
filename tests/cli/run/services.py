"""A service as Knative writes it, in full."""

from __future__ import annotations

from kumotasks.cli.command import Json

WORKER: Json = {
    "apiVersion": "serving.knative.dev/v1",
    "kind": "Service",
    "metadata": {
        "name": "worker",
        "labels": {"cloud.googleapis.com/location": "us-central1"},
        "annotations": {
            "run.googleapis.com/ingress": "all",
            "run.googleapis.com/urls": '["https://worker-123456789012.us-central1.run.app"]',
            "serving.knative.dev/lastModifier": "ada@shop.example",
        },
    },
    "spec": {
        "template": {
            "metadata": {"annotations": {"autoscaling.knative.dev/maxScale": "1"}},
            "spec": {
                "containerConcurrency": 80,
                "timeoutSeconds": 3600,
                "serviceAccountName": "runner@shop.iam.gserviceaccount.com",
                "containers": [
                    {
                        "image": "pkg.dev/shop/worker",
                        "ports": [{"name": "http1", "containerPort": 8080}],
                        "resources": {"limits": {"cpu": "1000m", "memory": "512Mi"}},
                        "env": [{"name": "MODE", "value": "fast"}],
                    }
                ],
            },
        }
    },
    "status": {
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2030-01-02T03:04:05.000006Z"}],
        "latestCreatedRevisionName": "worker-00002-xyz",
        "latestReadyRevisionName": "worker-00002-xyz",
        "url": "https://worker-0123456789-uc.a.run.app",
        "traffic": [
            {"percent": 90, "revisionName": "worker-00002-xyz", "latestRevision": True},
            {
                "percent": 10,
                "revisionName": "worker-00001-abc",
                "tag": "green",
                "url": "https://green---worker-0123456789-uc.a.run.app",
            },
        ],
    },
}
