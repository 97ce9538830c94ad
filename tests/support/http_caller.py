"""One plain HTTP/1.1 request, by a client that is none of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h11
import trio


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)["data"]


async def exchange(
    stream: trio.abc.Stream,
    protocol: h11.Connection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: Any,
) -> Answer:
    text = b"" if body is None else json.dumps(body).encode()
    fields = [*({"Host": "venue", "Content-Length": str(len(text))} | dict(headers)).items()]
    request = protocol.send(h11.Request(method=method, target=path, headers=fields)) or b""
    await stream.send_all(
        request + (protocol.send(h11.Data(data=text)) or b"") + (protocol.send(h11.EndOfMessage()) or b"")
    )
    answer = Answer(0, {}, b"")
    while True:
        match protocol.next_event():
            case h11.NEED_DATA:
                protocol.receive_data(bytes(await stream.receive_some()))
            case h11.Response() as head:
                named = {name.decode(): value.decode() for name, value in head.headers}
                answer = Answer(head.status_code, named, b"")
            case h11.Data() as part:
                answer.body += bytes(part.data)
            case _:
                return answer
