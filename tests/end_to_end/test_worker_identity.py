"""A program that names neither an endpoint nor a credential, run as a private worker: Google's client finds its way."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

from tests.running import running

SERVICES = "/v2/projects/p/locations/us-central1/services"
HOST = "worker-287605153049.us-central1.run.app"
PROGRAM = """
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer
import google.auth
from google.auth.transport.requests import Request
from google.cloud import tasks_v2
from google.oauth2 import id_token

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        credentials, project = google.auth.default()
        client = tasks_v2.CloudTasksClient()
        parent = f"projects/{project}/locations/us-central1"
        client.create_queue(parent=parent, queue={"name": f"{parent}/queues/mine"})
        token = id_token.fetch_id_token(Request(), "https://audience.example")
        claims = id_token.verify_oauth2_token(token, Request(), "https://audience.example")
        told = {
            "project": project,
            "email": claims["email"],
            "queues": [queue.name for queue in client.list_queues(parent=parent)],
        }
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"""


def test_a_worker_knows_who_it_is_and_reaches_this_server_with_nothing_configured(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PROGRAM)
    command = json.dumps([sys.executable, "main.py"])
    config = tmp_path / "kumo.toml"
    config.write_text(f'[images]\n"worker" = {{ command = {command}, directory = "{tmp_path}" }}\n')
    options = ("--config", str(config), "--tls", "auto", "--tls-port", "0", "--proxy-port", "0")
    with running(tmp_path / "server", *options) as kumo:
        template = {"containers": [{"image": "worker"}], "serviceAccount": "worker@p.iam.gserviceaccount.com"}
        asked = {"template": template, "invokerIamDisabled": True}
        status, operation = kumo.http("POST", f"{SERVICES}?serviceId=worker", asked)
        assert status == 200, operation
        _, done = kumo.http("POST", f"/v2/{operation['name']}:wait", {"timeout": "60s"})
        assert "error" not in done, done
        request = urllib.request.Request(f"http://{kumo.address}/", headers={"Host": HOST})
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.load(answer)
    assert told == {
        "project": "p",
        "email": "worker@p.iam.gserviceaccount.com",
        "queues": ["projects/p/locations/us-central1/queues/mine"],
    }
