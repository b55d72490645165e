"""The server of the page: access, limits, and when recordings are deleted."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import tempfile
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from aural.advice import Wishes
from aural.chainfile import write_chain
from aural.cleaning.planning import check_preset
from aural.cli.app.page import app_page
from aural.cli.app.sessions import Made, Pools, Recording, Session, steps
from aural.cli.app.settings import LOCAL, AppSettings
from aural.cli.app.work import Noting
from aural.cli.terminal import sentence
from aural.errors import AuralError

EVERY_S = 0.2
"""Time between two updates of a page."""
PING_S = 15.0
CONNECTED_S = 30.0
"""Within which a page that was loaded asks what is new, if it is one."""
JUDGING = ("/plan", "/chain")
"""What says whether the values of a form make sense: that they do not is an answer, no failure."""
MOST_JSON = 1 << 20
MB = 1_000_000
SAFE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "frame-ancestors 'self'",
}


class Refused(Exception):
    """A request that is refused: the reason, and the HTTP status."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


class Server:
    """All pages that are open, below one folder."""

    def __init__(self, settings: AppSettings, folder: Path, jobs: int = 1) -> None:
        self.settings, self.folder = settings, folder
        self.key = "" if settings.local else secrets.token_urlsafe(24)
        self.pools = Pools(ThreadPoolExecutor(1, "look"), ThreadPoolExecutor(jobs, "clean"))
        self.sessions: dict[str, Session] = {}
        self.closing: dict[str, asyncio.TimerHandle] = {}
        self.ending: set[asyncio.Task[None]] = set()
        self.over: Callable[[], bool] = lambda: False

    def serving(self) -> uvicorn.Server:
        """Make the server of the pages, which runs until it is shut down."""
        config = uvicorn.Config(self.application(), log_level="warning", timeout_graceful_shutdown=2, ws="none")
        server = uvicorn.Server(config)
        self.over = lambda: server.should_exit
        return server

    def application(self) -> Starlette:
        """Make the application that a server runs."""
        hosts = list(LOCAL) if self.settings.local else ["*"]
        paths: list[tuple[str, str, Callable[[Session, Request], Awaitable[Response]]]] = [
            ("GET", "/events", self.events),
            ("PUT", "/recordings", self.take),
            ("POST", "/plan", self.plan),
            ("POST", "/clean", self.clean),
            ("POST", "/chain", self.chain),
            ("POST", "/run", self.run),
            ("POST", "/separate", self.separate),
            ("POST", "/cancel", self.cancel),
            ("POST", "/close", self.close),
            ("GET", "/results", self.results),
            ("GET", "/{number:int}/result/{file:int}", self.result),
            ("GET", "/{number:int}/report", self.report),
            ("DELETE", "/{number:int}", self.remove),
        ]
        routes = [
            Route(f"/{{token}}{path}", self._answering(answer, 200 if path in JUDGING else 400), methods=[method])
            for method, path, answer in paths
        ]
        return Starlette(
            routes=[Route("/", self.page), Route("/favicon.ico", _no_icon), *routes],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)],
            lifespan=self._alive,
        )

    @asynccontextmanager
    async def _alive(self, _: Starlette) -> AsyncIterator[None]:
        noting = Noting()
        logging.getLogger("aural").addHandler(noting)
        try:
            yield
        finally:
            logging.getLogger("aural").removeHandler(noting)
            for session in list(self.sessions.values()):
                self.end(session)
            await asyncio.gather(*self.ending)

    def _answering(self, answer: Callable[[Session, Request], Awaitable[Response]], wrong: int) -> Any:
        """Find the session of a request, and turn an error into a sentence with an HTTP status."""

        async def answered(request: Request) -> Response:
            try:
                session = self.sessions.get(request.path_params["token"])
                if session is None:
                    raise Refused("this page was closed; load it again", 404)
                response = await answer(session, request)
            except Refused as refused:
                response = JSONResponse({"error": str(refused)}, refused.status)
            except (AuralError, OSError) as error:
                response = JSONResponse({"error": sentence(error)}, wrong)
            response.headers.update(SAFE)
            return response

        return answered

    async def page(self, request: Request) -> Response:
        """Begin a session, for who has the key; all else is asked for below the token of a session."""
        if not secrets.compare_digest(request.query_params.get("key", "").encode(), self.key.encode()):
            return Response("open the whole address that aural app printed, with its key", 403, SAFE)
        if len(self.sessions) >= self.settings.most_pages:
            return Response(f"{self.settings.most_pages} pages are open already; close one", 503, SAFE)
        session = Session(Path(tempfile.mkdtemp(dir=self.folder)), self.pools)
        self.sessions[session.token] = session
        self._close_later(session, min(CONNECTED_S, self.settings.closing_s))
        return HTMLResponse(app_page(session.token, self.settings), headers=SAFE)

    async def events(self, session: Session, request: Request) -> Response:
        """Send a page its updates, as long as it is open."""

        async def updates() -> AsyncIterator[str]:
            self._stay(session)
            last, quiet_s = "", 0.0
            try:
                while not self.over():
                    shown = json.dumps([recording.shown() for recording in list(session.recordings.values())])
                    quiet_s = 0.0 if shown != last or quiet_s > PING_S else quiet_s + EVERY_S
                    if quiet_s == 0:
                        yield f"data: {shown}\n\n"
                    last = shown
                    await asyncio.sleep(EVERY_S)
            finally:
                self._leave(session)

        return StreamingResponse(updates(), media_type="text/event-stream")

    async def take(self, session: Session, request: Request) -> Response:
        """Take a recording as it arrives."""
        most, limit = self.settings.most_recordings, self.settings.upload_mb
        if len(session.recordings) >= most:
            raise Refused(f"no more than {most} at the same time; remove some")
        too_large = Refused(f"is larger than {limit} MB, the most that is taken here", 413)
        if int(request.headers.get("content-length") or 0) > limit * MB:
            raise too_large
        recording = session.begin(request.query_params.get("name", ""))
        try:
            size = 0
            with recording.path.open("wb") as file:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > limit * MB:
                        raise too_large
                    await asyncio.to_thread(file.write, chunk)
        except BaseException as error:
            session.remove(recording.number)
            if isinstance(error, ClientDisconnect):
                raise Refused("did not arrive") from error
            raise
        session.look(recording)
        return JSONResponse({"id": recording.number})

    async def plan(self, session: Session, request: Request) -> Response:
        """Say what would be done."""
        plans = session.plans(*_wished(await _json(request)))
        return JSONResponse({number: {"preset": plan.preset, "steps": steps(plan.decisions)}
                             for number, plan in plans.items()})  # fmt: skip

    async def clean(self, session: Session, request: Request) -> Response:
        session.clean(session.plans(*_wished(await _json(request))))
        return JSONResponse({})

    async def chain(self, session: Session, request: Request) -> Response:
        """Write a chain as TOML."""
        return JSONResponse({"toml": write_chain(session.chain(await _json(request), names=True))})

    async def run(self, session: Session, request: Request) -> Response:
        session.run(session.chain(await _json(request)))
        return JSONResponse({})

    async def separate(self, session: Session, request: Request) -> Response:
        session.separate(await asyncio.to_thread(session.separator, await _json(request)))  # may read a model
        return JSONResponse({})

    async def cancel(self, session: Session, request: Request) -> Response:
        session.cancel()
        return JSONResponse({})

    async def close(self, session: Session, request: Request) -> Response:
        self.end(session)
        return JSONResponse({})

    async def remove(self, session: Session, request: Request) -> Response:
        await asyncio.to_thread(session.remove, _recording(session, request).number)
        return JSONResponse({})

    async def result(self, session: Session, request: Request) -> Response:
        files, number = _made(session, request).files, request.path_params["file"]
        if number >= len(files):
            raise Refused("there is no such result", 404)
        _, path = files[number]
        return FileResponse(path, filename=path.name)

    async def report(self, session: Session, request: Request) -> Response:
        page = _made(session, request).report
        return FileResponse(page, filename=page.name if "save" in request.query_params else None)

    async def results(self, session: Session, request: Request) -> Response:
        """Give all results in one file."""
        if not (made := session.results()):
            raise Refused("there is no result yet", 404)
        path = session.folder / f"{secrets.token_hex(4)}.zip"
        await asyncio.to_thread(_zip, path, made)
        return FileResponse(path, filename="aural.zip")

    def end(self, session: Session) -> None:
        """Forget a page, and delete what is its own."""
        self._stay(session, -session.pages)
        if self.sessions.pop(session.token, None):
            task = asyncio.ensure_future(asyncio.to_thread(session.close))
            self.ending.add(task)
            task.add_done_callback(self.ending.discard)

    def _stay(self, session: Session, pages: int = 1) -> None:
        session.pages += pages
        if timer := self.closing.pop(session.token, None):
            timer.cancel()

    def _leave(self, session: Session) -> None:
        session.pages -= 1
        if session.pages <= 0 and session.token in self.sessions:
            self._close_later(session, self.settings.closing_s)

    def _close_later(self, session: Session, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.closing[session.token] = loop.call_later(seconds, self.end, session)


async def _no_icon(_: Request) -> Response:
    """Answer the browsers that ask for a picture of the page."""
    return Response(status_code=204, headers=SAFE)


def _recording(session: Session, request: Request) -> Recording:
    try:
        return session.recordings[request.path_params["number"]]
    except KeyError:
        raise Refused("there is no such recording on this page", 404) from None


def _made(session: Session, request: Request) -> Made:
    if made := _recording(session, request).made:
        return made
    raise Refused("there is no result yet", 404)


async def _json(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_JSON:
            raise Refused("asks for too much", 413)
    try:
        return json.loads(body)
    except ValueError:
        raise Refused("is no JSON") from None


def _wished(asked: Any) -> tuple[str, Wishes]:
    """Read what a form says: a preset, and wishes.

    Raises:
        AuralError: there is no such preset, or a wish is out of range.
    """
    match asked:
        case {"preset": str(preset), "wishes": dict(wishes)}:
            if Path(preset).suffix:
                raise Refused("names no preset")
            check_preset(preset)
            try:
                return preset, Wishes(**wishes)
            except TypeError:
                raise Refused("wishes for something unknown") from None
    raise Refused("names no preset and no wishes")


def _zip(path: Path, made: list[Path]) -> None:
    """Put results into one file; equal names get a number."""
    names: set[str] = set()
    with zipfile.ZipFile(path, "w") as file:
        for result in made:
            name, number = result.name, 1
            while name in names:
                number += 1
                name = f"{result.stem}-{number}{result.suffix}"
            names.add(name)
            file.write(result, name)
