"""A model behind FastAPI that asks the sidecar for its features; the client is a dependency.

PLUMBLINE_URL=http://127.0.0.1:6566 uvicorn fastapi_app:app
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request

from plumbline_client import AsyncClient, DeadlineExceeded, FeatureError, NoSidecar


@asynccontextmanager
async def features_of_the_app(app: FastAPI) -> AsyncIterator[None]:
    """One client for the life of the app: its connections are kept."""
    async with AsyncClient(os.environ.get("PLUMBLINE_URL", "http://127.0.0.1:6566"), deadline=0.05) as client:
        app.state.features = client
        yield


def features(request: Request) -> AsyncClient:
    client: AsyncClient = request.app.state.features
    return client


app = FastAPI(lifespan=features_of_the_app)


@app.get("/rank/{driver_id}")
async def rank(driver_id: int, client: Annotated[AsyncClient, Depends(features)]) -> dict[str, Any]:
    try:
        answer = await client.get_online_features("rank_v1", [{"driver_id": driver_id}])
    except (NoSidecar, DeadlineExceeded, FeatureError) as error:
        raise HTTPException(503, str(error)) from error
    return {
        "score": score(answer.to_dict()),
        # Kept beside the outcome it finds the vector again: `plumb train --from-log`.
        "request_id": answer.request_id,
        "degraded": any(status != "PRESENT" for column in answer.status.values() for status in column),
    }


def score(values: dict[str, list[Any]]) -> float:
    """Stands for the model."""
    rates = (values["driver_hourly_stats__conv_rate"][0], values["driver_hourly_stats__acc_rate"][0])
    return sum(rate or 0.0 for rate in rates) / 2
