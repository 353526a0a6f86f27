"""The application put together: `create_app` of its parts, `deployed` of the environment. The only place that knows all
parts."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import ArgumentError, DBAPIError
from starlette.concurrency import run_in_threadpool

from examples.yuichat.extract import TooLong, Unreadable, Unsupported
from examples.yuichat.generation import Generation, NoDocument, NotGenerated
from examples.yuichat.limit import SizeLimit
from examples.yuichat.questions.local import LocalGenerator
from examples.yuichat.questions.openai import OpenAIGenerator
from examples.yuichat.questions.question import QuestionGenerator
from examples.yuichat.routes import routes, too_large
from examples.yuichat.settings import Settings
from examples.yuichat.storage import Storage
from kumotasks.client import TaskQueue

PAGE = Path(__file__).with_name("page")
_AROUND = 64 << 10  # bytes of a form around its file
STATUS: dict[type[Exception], int] = {
    Unreadable: 422,
    Unsupported: 415,
    TooLong: 413,
    NoDocument: 404,
    NotGenerated: 500,  # not 503, which Cloud Tasks takes for a wish to be called less
}


def deployed() -> FastAPI:
    """Of the environment and `.env.local`; what uvicorn calls (`Procfile`). What is wrong with them, and a database
    that cannot be reached, end it with a sentence."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        return create_app(Settings.from_env())
    except DBAPIError as error:
        raise _ended(f"DATABASE_URL: {error.orig}") from error
    except ArgumentError as error:
        raise _ended(f"DATABASE_URL: {error}.") from error
    except ValueError as error:
        raise _ended(str(error)) from error


def create_app(
    settings: Settings, *, queue: TaskQueue | None = None, generator: QuestionGenerator | None = None
) -> FastAPI:
    """`queue` and `generator` are the environment's unless they are given. The database is made ready here, not at the
    start: of what fails there uvicorn shows a traceback."""
    storage = Storage(settings.database)
    tasks = queue or TaskQueue.from_env()
    generation = Generation(storage, generator or _generator(), tasks, settings)
    storage.prepare()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(storage.close)
        tasks.close()

    app = FastAPI(title="YuiChat", lifespan=lifespan)
    app.add_middleware(SizeLimit, limit=settings.max_bytes + _AROUND, what=too_large(settings))
    for error, status in STATUS.items():
        app.add_exception_handler(error, _answering(status))
    app.include_router(routes(storage, generation, settings))
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def _generator() -> QuestionGenerator:
    """A model's where there is a key for one."""
    return OpenAIGenerator.from_env() if os.environ.get("OPENAI_API_KEY") else LocalGenerator()


def _ended(sentence: str) -> SystemExit:
    """Said in one line; 2 is the exit code of what is configured wrongly."""
    sys.stderr.write(f"YuiChat cannot start: {' '.join(sentence.split())}\n")
    return SystemExit(2)


def _answering(status: int) -> Callable[[Request, Exception], JSONResponse]:
    """The error's own sentence, in FastAPI's shape."""
    return lambda _, error: JSONResponse({"detail": str(error)}, status)
