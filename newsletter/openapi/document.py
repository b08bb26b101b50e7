"""The document as a whole."""

from typing import Any

from newsletter.openapi import answers, challenges, paths, schemas
from newsletter.openapi.answers import found

SCHEMAS = {
    "Problem": schemas.PROBLEM,
    "SignUp": schemas.SIGN_UP,
    "Pending": schemas.PENDING,
    "Challenge": challenges.CHALLENGE,
    "GivenChallenge": challenges.GIVEN,
    "NewNewsletter": schemas.NEWSLETTER_NEW,
    "NewsletterChange": schemas.NEWSLETTER_CHANGE,
    "Newsletter": schemas.NEWSLETTER,
    "NewCampaign": schemas.CAMPAIGN_NEW,
    "CampaignChange": schemas.CAMPAIGN_CHANGE,
    "Campaign": schemas.CAMPAIGN,
    "Progress": schemas.PROGRESS,
    "Reply": schemas.REPLY,
    "Block": schemas.BLOCK,
    "Counts": schemas.COUNTS,
    "Test": schemas.TEST,
    "Send": schemas.SEND,
    "Nothing": schemas.NOTHING,
    "Report": schemas.REPORT,
    "Figure": schemas.FIGURE,
    "LinkFigure": schemas.LINK_FIGURE,
}
VERSION = "1.0.0"
"""Of the API, not of the program: within 1 it is changed only by adding."""
ABOUT = (
    "Newsletters and campaigns of a double opt-in newsletter service. "
    "Errors are `application/problem+json` (RFC 9457). "
    "Lists are JSON arrays; times are RFC 3339, in UTC when answered. "
    "Fields that a body must not have are refused, not ignored. "
    "Numbers so small that they could point at a person are null."
)


def document(public_url: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the API under `public_url`."""
    this = {
        "get": {
            "operationId": "getOpenAPI",
            "tags": ["about"],
            "summary": "This document.",
            "security": [],
            "responses": {"200": found({"type": "object"}, "OpenAPI 3.1.", {"openapi": "3.1.0"})},
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Newsletter", "version": VERSION, "description": ABOUT},
        "servers": [{"url": f"{public_url}/api/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in ("sign-up", "newsletters", "campaigns", "about")],
        "paths": {**paths.newsletters(), **paths.campaigns(), "/openapi.json": this},
        "components": {
            "schemas": SCHEMAS,
            "responses": answers.components(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made by `newsletter token create NAME`."}
            },
        },
    }
