"""The middlewares: what comes through, what is answered, and a task's whole way to an application of Flask's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from wsgiref.simple_server import WSGIRequestHandler, make_server

import flask
import pytest
from google.cloud import tasks_v2

from kumotasks.client.asgi import CLAIMS, VerifiedApp
from kumotasks.client.certificates import KeysUnreachable
from kumotasks.client.task_headers import TaskRequest
from kumotasks.client.verify import Claims, Verifier
from kumotasks.client.wsgi import VerifiedApp as VerifiedWsgiApp
from tests.client.signing import AUDIENCE, EMAIL, Publisher, token
from tests.running import KumoProcess

REFUSED = """<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>401 Unauthorized</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: Unauthorized</h1>
<h2>Your client does not have permission to the requested URL <code>/a&lt;b</code>.</h2>
<h2></h2>
</body></html>
"""
CHALLENGE = 'Bearer error="invalid_token" error_description="The access token could not be verified"'
Message = MutableMapping[str, object]


def verifier(publisher: Publisher | None = None) -> Verifier:
    return Verifier(AUDIENCE, (EMAIL,), fetch=publisher or Publisher(1))


@dataclass
class Asked:
    """An ASGI application behind the middleware, and what came of asking it."""

    publisher: Publisher = field(default_factory=lambda: Publisher(1))
    through: list[object] = field(default_factory=list)

    def ask(self, path: str = "/", kind: str = "http", method: str = "GET", **headers: str) -> list[Message]:
        sent: list[Message] = []
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": kind, "path": path, "method": method, "headers": raw}

        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            sent.append(message)

        app = VerifiedApp(self._app, verifier(self.publisher), open={"/healthz"})
        asyncio.run(app(scope, receive, send))
        return sent

    async def _app(self, scope: Message, receive: object, send: object) -> None:
        self.through.append(scope.get(CLAIMS))


def test_asgi_lets_a_good_token_through_and_says_whose_it_is() -> None:
    asked = Asked()
    assert asked.ask(authorization=f"Bearer {token()}") == []
    (claims,) = asked.through
    assert isinstance(claims, Claims)
    assert claims.email == EMAIL


def test_asgi_takes_the_header_of_cloud_run_first() -> None:
    asked = Asked()
    asked.ask(authorization="Basic eDp5", x_serverless_authorization=f"bearer {token()}")
    assert len(asked.through) == 1


def test_asgi_answers_as_cloud_run_does() -> None:
    asked = Asked()
    start, body = asked.ask("/a<b", authorization="Bearer x")
    assert start["status"] == 401
    headers = start["headers"]
    assert isinstance(headers, list)
    assert (b"www-authenticate", CHALLENGE.encode()) in headers
    assert (b"content-type", b"text/html; charset=UTF-8") in headers
    assert body["body"] == REFUSED.encode()
    assert asked.ask("/")[0]["status"] == 403
    assert asked.ask("/", method="HEAD")[1]["body"] == b""
    assert asked.through == []


def test_asgi_asks_to_be_called_again_where_it_cannot_judge() -> None:
    asked = Asked()
    asked.publisher.broken = KeysUnreachable("gone")
    assert asked.ask(authorization=f"Bearer {token()}")[0]["status"] == 503
    assert asked.through == []


def test_asgi_closes_a_websocket_and_lets_the_rest_be() -> None:
    asked = Asked()
    assert asked.ask(kind="websocket") == [{"type": "websocket.close", "code": 1008, "reason": ""}]
    assert asked.ask("/healthz") == []
    assert asked.ask(kind="lifespan") == []
    assert asked.through == [None, None]


def flask_app() -> flask.Flask:
    app = flask.Flask(__name__)

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST"])
    @app.route("/<path:path>", methods=["GET", "POST"])
    def told(path: str) -> str:
        claims = flask.request.environ.get("kumotasks.claims")
        return claims.email if isinstance(claims, Claims) else "nobody"

    return app


def test_wsgi_does_the_same() -> None:
    app = flask_app()
    app.wsgi_app = VerifiedWsgiApp(app.wsgi_app, verifier(), open={"/healthz"})  # type: ignore[method-assign]
    client = app.test_client()
    assert client.get("/x", headers={"Authorization": f"Bearer {token()}"}).text == EMAIL
    both = {"Authorization": "Basic eDp5", "X-Serverless-Authorization": f"Bearer {token()}"}
    assert client.get("/x", headers=both).text == EMAIL
    assert client.get("/healthz").text == "nobody"
    refused = client.get("/a<b", headers={"Authorization": "Bearer x"})
    assert (refused.status, refused.text) == ("401 Unauthorized", REFUSED)
    assert refused.headers["WWW-Authenticate"] == CHALLENGE
    assert client.get("/").status_code == 403
    assert client.head("/").data == b""


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass
class Application:
    """A Flask application that checks the tokens of `kumo` and notes the tasks that came."""

    url: str
    tasks: list[TaskRequest]
    came: threading.Event


@pytest.fixture
def application(server: KumoProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    monkeypatch.setenv("KUMO_ENDPOINT", f"http://{server.address}")
    app = flask.Flask(__name__)
    tasks: list[TaskRequest] = []
    came = threading.Event()

    @app.post("/send")
    def take() -> str:
        tasks.append(TaskRequest.from_environ(flask.request.environ))
        came.set()
        return "done"

    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as listener:
        url = f"http://127.0.0.1:{listener.server_port}"
        listener.set_app(VerifiedWsgiApp(app.wsgi_app, Verifier(url, (EMAIL,))))
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        yield Application(url, tasks, came)
        listener.shutdown()
        thread.join()


def test_a_task_with_a_token_of_kumo_comes_through_and_one_without_does_not(
    server: KumoProcess, application: Application
) -> None:
    client = tasks_v2.CloudTasksClient(
        transport="rest",
        client_options={"api_endpoint": f"http://{server.address}"},
        credentials=_anonymous(),
    )
    place = "projects/p/locations/us-central1"
    queue = client.create_queue(parent=place, queue=tasks_v2.Queue(name=f"{place}/queues/mail")).name
    url = f"{application.url}/send"
    without = tasks_v2.HttpRequest(url=url, body=b"")
    client.create_task(parent=queue, task=tasks_v2.Task(name=f"{queue}/tasks/without", http_request=without))
    signed = tasks_v2.HttpRequest(url=url, oidc_token=tasks_v2.OidcToken(service_account_email=EMAIL))
    client.create_task(parent=queue, task=tasks_v2.Task(name=f"{queue}/tasks/with", http_request=signed))
    assert application.came.wait(20)
    assert [(task.queue_name, task.task_name, task.retry_count) for task in application.tasks] == [("mail", "with", 0)]


def _anonymous() -> object:
    from google.auth.credentials import AnonymousCredentials

    return AnonymousCredentials()
