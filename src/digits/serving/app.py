"""The HTTP interface of a model: pictures to answers, MLflow's own protocol, and the page to draw on."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from mlflow.pyfunc import scoring_server
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from digits.base.errors import UserError
from digits.data.arrays import Pixels
from digits.data.pictures import to_picture
from digits.serving import corrections
from digits.serving.batching import Batcher
from digits.serving.choice import Chosen
from digits.serving.current import Current
from digits.serving.guard import Guard
from digits.serving.interface import REFUSALS, TAKES_PICTURE, Answer, Kept, Refusal, Served
from digits.serving.prediction import to_row
from digits.serving.uploads import LARGEST_BODY, Uploads

PAGE = Path(__file__).parent / "page"
DESCRIPTION = "/invocations, /ping and /version are those of MLflow's own scoring server."

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
RunUrl = Callable[[Chosen], str | None]


def build(
    current: Current, root: Path, run_url: RunUrl, lifespan: Lifespan, hosts: Collection[str] | None = None
) -> FastAPI:
    """Return the application. It keeps corrections in data/corrections below `root`. `run_url` returns the
    page of the run that a model is from. With `hosts`, the server answers to these names alone."""
    limit = Middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY)
    app = FastAPIOffline(
        title="Digits",
        description=DESCRIPTION,
        redoc_url=None,
        lifespan=lifespan,
        middleware=[Middleware(Guard, hosts), limit],
    )
    uploads, predict = Uploads(current), Batcher(current.predict)

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/model", responses={200: {"model": Served}})
    async def model() -> JSONResponse:
        """Which model answers."""
        chosen = current.chosen
        return JSONResponse(
            {
                **_source(chosen),
                "run_name": chosen.run_name,
                "run_url": await asyncio.to_thread(run_url, chosen),
                "test_accuracy": chosen.test_accuracy,
                "data": chosen.data,
                "classes": chosen.trained.classes,
                "shape": chosen.trained.model.input_shape[1:],
            }
        )

    @app.post("/predict", openapi_extra=TAKES_PICTURE, responses={200: {"model": Answer}, **REFUSALS})
    async def answer(request: Request, seen: bool = False) -> JSONResponse:
        """Say what a picture shows. Its bytes are the body, or the first file of a form."""
        async with uploads.take(request) as (_, image):
            probabilities, chosen = await predict(image)
        row = to_row("", probabilities, chosen.trained.classes)
        content = {key: row[key] for key in ("class", "confidence", "probabilities")}
        content["model"] = _source(chosen)
        if seen:
            content["seen"] = _data_url(image)
        return JSONResponse(content)

    @app.post(
        "/corrections",
        status_code=201,
        openapi_extra=TAKES_PICTURE,
        responses={201: {"model": Kept}, 422: {"model": Refusal}, **REFUSALS},
    )
    async def correct(request: Request, name: Annotated[str, Query(alias="class")]) -> JSONResponse:
        """Keep a picture as one of the given class, to train on."""
        async with uploads.take(request) as (content, _):
            classes = current.chosen.trained.classes
            folder = root / "data/corrections"
            try:
                file = await asyncio.to_thread(corrections.keep, content, name, classes, folder)
            except UserError as error:
                raise HTTPException(422, str(error)) from None
        return JSONResponse({"class": name, "file": file.relative_to(root).as_posix()}, 201)

    @app.exception_handler(HTTPException)
    async def refuse(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def refuse_parameters(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = [f"{each['loc'][-1]}: {each['msg'].lower()}" for each in error.errors()]
        return JSONResponse({"error": "; ".join(problems)}, 422)

    app.mount("/page", StaticFiles(directory=PAGE))
    app.mount("/", scoring_server.init(current.as_pyfunc()))  # what is not found above
    return app


def _source(chosen: Chosen) -> dict[str, Any]:
    return {"name": chosen.name, "version": chosen.version, "run": chosen.run_id}


def _data_url(image: Pixels) -> str:
    stream = io.BytesIO()
    to_picture(image).save(stream, "PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
