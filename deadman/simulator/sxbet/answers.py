"""What the venue answers instead of what was asked for."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Literal


class HttpError(Exception):
    """Answered with `status`. `code` is a word of the venue's, or a list of sentences about parameters."""

    def __init__(self, status: int, code: str | list[str]) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code

    def body(self, shape: Literal["documented", "nestjs"]) -> bytes:
        """`{"status":"failure","errorCode":…}` by the documents, `{"error","message","statusCode"}` by clients."""
        if shape == "documented":
            code = self.code if isinstance(self.code, str) else "BAD_REQUEST"
            return json.dumps({"status": "failure", "errorCode": code}).encode()
        error = HTTPStatus(self.status).phrase
        return json.dumps({"error": error, "message": self.code, "statusCode": self.status}).encode()
