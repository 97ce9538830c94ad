"""SX Bet: leases, listings and cancels, of the third generation and of the second."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

import trio

from tests.venue_facts.desk_sxbet import Maker, older, sxbet

DOCS = "docs.sx.bet/"
HEARTBEAT = DOCS + "api-reference/post-heartbeat"
STOP = DOCS + "api-reference/post-heartbeat-cancel"
LIST = DOCS + "api-reference/get-orders-v3"
ONE = DOCS + "api-reference/get-order-v3"
CANCEL = DOCS + "api-reference/delete-orders-v3"
KEY = DOCS + "api-reference/api-key"
ERRORS = DOCS + "developers/error-codes"
NOWHERE = "documented nowhere"
SIGNED = "an order there takes a private key's signature"


@sxbet.fact(HEARTBEAT)
async def test_a_heartbeat_is_answered_success_and_names_its_seconds(maker: Maker) -> None:
    answer = await maker.beat(30)
    assert answer.status == 200
    assert answer.data["timeoutSeconds"] == 30


@sxbet.fact(HEARTBEAT + ", expiresAt")
async def test_a_heartbeat_names_the_instant_at_which_it_expires(maker: Maker) -> None:
    answer = await maker.beat(30)
    expires = datetime.fromisoformat(answer.data["expiresAt"])
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert abs((expires - parsedate_to_datetime(headers["date"])).total_seconds() - 30) < 5


@sxbet.fact(HEARTBEAT + ", timeoutSeconds")
async def test_an_hour_is_the_longest_lease(maker: Maker) -> None:
    assert (await maker.beat(3600)).status == 200
    assert (await maker.beat(3601)).status == 400


@sxbet.fact(HEARTBEAT + ", timeoutSeconds")
async def test_seconds_are_a_whole_number_that_is_not_negative(maker: Maker) -> None:
    for seconds in (-1, 1.5, "30"):
        assert (await maker.beat(seconds)).status == 400


@sxbet.fact(STOP)
async def test_nought_is_taken_and_stops_the_guarding(maker: Maker) -> None:
    await maker.beat(5)
    assert (await maker.beat(0)).status == 200


@sxbet.fact(STOP, SIGNED)
async def test_nought_cancels_nothing(maker: Maker) -> None:
    order_id = await maker.place()
    await maker.beat(5)
    await maker.beat(0)
    await trio.sleep(15)
    assert (await maker.order(order_id))["status"] == "ACTIVE"


@sxbet.fact(HEARTBEAT, SIGNED)
async def test_a_lease_that_is_not_renewed_takes_every_open_order(maker: Maker) -> None:
    for _ in range(3):
        await maker.place()
    await maker.beat(5)
    await trio.sleep(15)
    assert await maker.open_orders() == []


@sxbet.fact(ONE + ", inactiveReason", SIGNED)
async def test_an_order_that_went_with_its_lease_says_so(maker: Maker) -> None:
    order_id = await maker.place()
    await maker.beat(5)
    await trio.sleep(15)
    order = await maker.order(order_id)
    assert (order["status"], order["inactiveReason"]) == ("INACTIVE", "HEARTBEAT_TIMEOUT")


@sxbet.fact(HEARTBEAT, SIGNED)
async def test_a_lease_that_is_renewed_keeps_the_orders(maker: Maker) -> None:
    order_id = await maker.place()
    for _ in range(4):
        await maker.beat(5)
        await trio.sleep(3)
    assert (await maker.order(order_id))["status"] == "ACTIVE"


@sxbet.question(NOWHERE, SIGNED)
async def test_whether_a_shorter_lease_takes_the_place_of_a_longer(maker: Maker) -> str:
    order_id = await maker.place()
    await maker.beat(3600)
    await maker.beat(5)
    await trio.sleep(15)
    return "it does" if (await maker.order(order_id))["status"] == "INACTIVE" else "it does not"


@sxbet.question(NOWHERE, SIGNED)
async def test_how_late_a_lease_takes_the_orders(maker: Maker) -> str:
    order_id = await maker.place()
    await maker.beat(5)
    began = trio.current_time()
    while (await maker.order(order_id))["status"] == "ACTIVE" and trio.current_time() < began + 60:
        await trio.sleep(0.25)
    return f"{trio.current_time() - began - 5:.1f} s after its end"


@sxbet.question(NOWHERE, SIGNED)
async def test_whether_a_lease_guards_again_after_it_ran_out(maker: Maker) -> str:
    await maker.beat(1)
    await trio.sleep(5)
    order_id = await maker.place()
    await trio.sleep(10)
    return "it does" if (await maker.order(order_id))["status"] == "INACTIVE" else "only once it is taken anew"


@sxbet.fact(ERRORS + ", BAD_AUTH")
async def test_a_heartbeat_without_a_key_is_401(maker: Maker) -> None:
    assert (await maker.ask("POST", "/heartbeat/v3", {"timeoutSeconds": 30}, {})).status == 401


@sxbet.fact(ERRORS + ", INVALID_USER")
async def test_a_key_that_there_is_not_is_refused(maker: Maker) -> None:
    key = {"x-sx-api-key": "00000000-0000-0000-0000-000000000000"}
    assert (await maker.ask("POST", "/heartbeat/v3", {"timeoutSeconds": 30}, key)).status in (400, 401, 403)


@sxbet.fact(KEY)
async def test_a_key_of_the_third_generation_is_none_of_the_second(maker: Maker) -> None:
    (key,) = maker.key.values()
    body = {"requestor": f"0x{1:040x}", "timeoutSeconds": 30}
    assert (await maker.ask("POST", "/heartbeat", body, {"X-Api-Key": key})).status >= 400


@sxbet.fact(LIST)
async def test_open_orders_are_a_list_with_the_key_of_the_next_page(maker: Maker) -> None:
    data = (await maker.ask("GET", "/orders-v3?perPage=1")).data
    assert isinstance(data["orders"], list)
    assert "nextKey" in data


@sxbet.fact(LIST + ", perPage")
async def test_a_page_has_at_most_a_hundred_orders(maker: Maker) -> None:
    assert (await maker.ask("GET", "/orders-v3?perPage=101")).status == 400


@sxbet.fact(LIST, SIGNED)
async def test_every_row_names_the_account_that_the_key_belongs_to(maker: Maker) -> None:
    await maker.place()
    await maker.place()
    assert len({row["userAddress"] for row in await maker.open_orders()}) == 1


@sxbet.fact(ONE)
async def test_an_order_that_there_is_not_is_404(maker: Maker) -> None:
    assert (await maker.ask("GET", f"/orders-v3/0x{0:064x}")).status == 404


@sxbet.fact(CANCEL)
async def test_an_order_that_cannot_be_cancelled_is_named(maker: Maker) -> None:
    data = (await maker.ask("DELETE", "/orders-v3", {"orders": [{"orderId": f"0x{0:064x}"}]})).data
    assert data["cancelled"] == []
    assert [one["orderId"] for one in data["notCancelled"]] == [f"0x{0:064x}"]


@sxbet.fact(CANCEL, SIGNED)
async def test_orders_are_cancelled_by_key_alone(maker: Maker) -> None:
    order_id = await maker.place()
    data = (await maker.ask("DELETE", "/orders-v3", {"orders": [{"orderId": order_id}]})).data
    assert [one["orderId"] for one in data["cancelled"]] == [order_id]
    assert (await maker.order(order_id))["inactiveReason"] == "USER_REQUESTED"


@sxbet.fact(CANCEL + "-all")
async def test_a_cancel_of_all_says_what_it_submitted_and_whether_there_is_more(maker: Maker) -> None:
    data = (await maker.ask("DELETE", "/orders-v3/all")).data
    assert isinstance(data["cancelledSubmitted"], list)
    assert data["hasMore"] in (True, False)


@sxbet.fact(CANCEL + "-event", SIGNED)
async def test_a_cancel_of_an_event_leaves_the_others(maker: Maker) -> None:
    gone, kept = await maker.place("L1"), await maker.place("L2")
    await maker.ask("DELETE", "/orders-v3/event?eventId=L1")
    assert [row["id"] for row in await maker.open_orders()] == [kept]
    assert gone != kept


@older.fact(HEARTBEAT + ", requestor")
async def test_a_heartbeat_of_the_second_generation_names_its_requestor(maker: Maker) -> None:
    answer = await maker.beat(30)
    assert answer.data["requestor"] == maker.requestor
    assert answer.data["timeoutSeconds"] == 30


@older.fact(DOCS + "api-reference/get-orders")
async def test_anybody_may_list_a_makers_open_orders(maker: Maker) -> None:
    assert isinstance((await maker.ask("GET", f"/orders?maker={maker.requestor}", None, {})).data, list)


@older.fact(DOCS + "api-reference/get-orders, addresses")
async def test_a_maker_in_lower_case_has_no_orders(maker: Maker) -> None:
    assert (await maker.ask("GET", f"/orders?maker={maker.requestor.lower()}", None, {})).data == []


@older.question(NOWHERE)
async def test_what_a_requestor_in_lower_case_is_answered(maker: Maker) -> str:
    body = {"requestor": maker.requestor.lower(), "timeoutSeconds": 30}
    return f"HTTP {(await maker.ask('POST', '/heartbeat', body)).status}"
