"""HTTP of requests: the catalogue, requests and offers, tasks, documents, and verification for all."""

from fastapi import APIRouter

from services.requests.api import catalogue, documents, offers, requests, tasks

router = APIRouter()
for _part in (catalogue, requests, offers, tasks, documents):
    router.include_router(_part.router)
