"""HTTP of requests: the catalogue, requests and offers, tasks, documents, and verification for all."""

from fastapi import APIRouter

from services.requests.api import agencies, catalogue, documents, drafts, offers, requests, tasks, uploads, versions

router = APIRouter()
for _part in (catalogue, versions, drafts, requests, uploads, offers, tasks, agencies, documents):
    router.include_router(_part.router)
