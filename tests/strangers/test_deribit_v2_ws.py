"""deribit-v2-ws of npm, which knows one address: a preload dials the simulation in its place."""

from __future__ import annotations

import os
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest

from tests.strangers.conftest import Desk

ACCOUNT = "futures-desk"

DIALS_HERE = """
const tls = require('tls'), dial = tls.connect, port = process.env.VENUE_PORT;
const here = {host: '127.0.0.1', port, servername: 'localhost'};
tls.connect = (options, ...rest) => dial.call(tls, {...options, ...here}, ...rest);
"""

ROUND = """
const venue = require('deribit-v2-ws');
const limit = {instrument_name: 'BTC-PERPETUAL', amount: 10, price: 100};
(async () => {
  await venue.connect();
  await venue.authenticate(process.env.CLIENT_ID, process.env.CLIENT_SECRET);
  await venue.request('private/enable_cancel_on_disconnect', {scope: 'connection'});
  const heard = [];
  await venue.subscribe('private', 'user.orders.any.any.raw', order => heard.push(order.order_state));
  const first = (await venue.request('private/buy', limit)).result.order.order_id;
  await venue.request('private/cancel', {order_id: first});
  await new Promise(done => setTimeout(done, 3000));
  await venue.request('private/buy', limit);
  console.log(JSON.stringify({heard, open: (await venue.request('private/get_open_orders', {})).result.length}));
  process.exit(0);
})();
"""


def is_missing() -> bool:
    if shutil.which("node") is None:
        return True
    return subprocess.run(["node", "-e", "require.resolve('deribit-v2-ws')"], capture_output=True).returncode != 0


@pytest.mark.skipif(is_missing(), reason="needs node and deribit-v2-ws: see the README, Developing")
def test_it_logs_in_places_cancels_answers_heartbeats_and_loses_its_orders_with_its_socket(desk: Desk) -> None:
    preload = desk.directory / "dial.js"
    preload.write_text(DIALS_HERE)
    keys = {"CLIENT_ID": f"{ACCOUNT}-id", "CLIENT_SECRET": desk.secret(ACCOUNT)}
    place = {"VENUE_PORT": str(urlsplit(desk.url(ACCOUNT, "wss")).port), "NODE_EXTRA_CA_CERTS": desk.ca}
    command = ["node", "--require", str(preload), "-e", ROUND]
    done = subprocess.run(command, env=os.environ | keys | place, capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == '{"heard":["open","cancelled","open"],"open":1}', done.stderr
    assert desk.open_orders(ACCOUNT) == 0
