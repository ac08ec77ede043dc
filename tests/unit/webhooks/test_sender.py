"""Webhooks: written with the change, sent signed and in order, again until they are taken, known by one id."""

import base64
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from esign.document import Standing, StandingChange
from esign.errors import ConfigurationError, InputError, NetworkError, NotRegistered, RegistryError
from esign.net import Kind
from esign.profile import Level
from esign.reasons import Reason
from esign.registry import EndpointId, Event, FileVersion, Registry, WebhookState
from esign.webhooks import Added, WebhookDesk, WebhookKey, is_signed
from tests.support.hostile import BEHAVIOURS, HostileServer, serving
from tests.support.receiver import Answer, Delivery, Receiver
from tests.support.stopwatch import shortest
from tests.support.waiting import until
from tests.unit.registry.making import OTHER_WARD, START, WARD, digest, issue, new_intent, prepare, registration
from tests.unit.webhooks.conftest import BY, Post

A_DAY = timedelta(days=1)


def secret(added: Added) -> bytes:
    return base64.b64decode(added.secret.removeprefix("whsec_"))


def signed(added: Added, delivery: Delivery) -> bool:
    said = {"id": delivery.id, "timestamp": delivery.timestamp, "body": delivery.body}
    return is_signed(secret(added), header=delivery.signature, **said)  # type: ignore[arg-type]  # by a test


def states(registry: Registry) -> Counter[WebhookState]:
    return Counter(w.state for w in registry.outbox.listing(agency=WARD, limit=1000))


def test_a_result_is_told_under_its_code_and_names_nobody(any_post: Post, receiver: Receiver) -> None:
    added = any_post.add(receiver.url(), Event.ISSUED)
    intent = issue(any_post.registry)
    assert any_post.send(public_url="https://ky.example.gov.vn/") == 1
    (delivery,) = receiver.deliveries
    assert signed(added, delivery)
    assert delivery.id.startswith("msg_")
    assert delivery.timestamp == int(any_post.clock().timestamp())
    told = delivery.told
    assert (told["type"], told["timestamp"]) == ("result.issued", START.isoformat())
    data = told["data"]
    assert intent.registration is not None
    result = f"https://ky.example.gov.vn/v1/agencies/{WARD}/results/{intent.id}"
    assert data == {
        "id": str(intent.id),
        "result_code": "H26.1.2-261008-0975-KQ2",
        "dossier": "H26.1.2-261008-0975",
        "agency": "H26.1.2",
        "kind": "result",
        "main": None,
        "number": str(intent.number),
        "date": "2026-11-21",
        "procedure": "1.001122",
        "standing": "in-force",
        "sha256": intent.registration.sha256,
        "size": 12345,
        "level": "PAdES-B-B",
        "links": {"result": result, "document": f"{result}/document"},
    }
    for personal in ("Canary", "cấp phép", "Quyết định"):
        assert personal not in delivery.body.decode()
    assert any_post.send() == 0


def test_what_did_not_happen_is_not_told(any_post: Post, receiver: Receiver) -> None:
    registry = any_post.registry
    any_post.add(receiver.url())
    first = issue(registry)
    intent = registry.reserve(new_intent())
    prepare(registry, intent)
    assert first.registration is not None
    registry.signed(intent.id, sha256=digest("s"))
    with pytest.raises(RegistryError):  # the file of another result
        registry.issued(intent.id, registration(sha256=first.registration.sha256))
    assert any_post.send() == 1


def test_standing_and_versions_are_told_in_order(any_post: Post, receiver: Receiver) -> None:
    registry, clock = any_post.registry, any_post.clock
    any_post.add(receiver.url())
    intent = issue(registry)
    clock.forward(hours=1)
    version = FileVersion(sha256=digest("v"), size=20000, level=Level.B_T, at=clock())
    registry.upgraded(intent.id, version)
    clock.forward(hours=1)
    change = StandingChange(standing=Standing.SUSPENDED, at=clock(), by="Chủ tịch Canary", why="Canary")
    registry.change(intent.id, change)
    registry.change(intent.id, replace(change, standing=Standing.WITHDRAWN))
    assert any_post.send() == 4
    told = [d.told for d in receiver.deliveries]
    assert [t["type"] for t in told] == ["result.issued", "result.version", "result.standing", "result.standing"]
    assert (told[1]["data"]["version"], told[1]["data"]["level"]) == (1, "PAdES-B-T")
    assert [t["data"]["standing"] for t in told[2:]] == ["suspended", "withdrawn"]
    assert "Canary" not in " ".join(d.body.decode() for d in receiver.deliveries)


def test_only_those_who_listen_are_told(post: Post, receiver: Receiver) -> None:
    post.add(receiver.url("/standing"), Event.STANDING)
    post.add(receiver.url("/all"))
    post.desk().add(receiver.url("/other"), (), agency=OTHER_WARD, by=BY)
    issue(post.registry)
    post.send()
    assert [d.path for d in receiver.deliveries] == ["/all"]


def test_nobody_listening_leaves_nothing(post: Post) -> None:
    issue(post.registry)
    assert post.registry.outbox.listing(agency=WARD) == ()


def test_a_failing_receiver_gets_it_again_later_with_the_same_id_and_body(post: Post, receiver: Receiver) -> None:
    added = post.add(receiver.url())
    receiver.answer = lambda _d: (500, {})
    issue(post.registry)
    post.send()
    assert post.send() == 0, "not before it is due"
    assert len(receiver.deliveries) == 1
    (webhook,) = post.registry.outbox.listing(agency=WARD)
    assert webhook.problem == Reason("webhook-refused", {"status": 500})
    assert timedelta(seconds=5) <= webhook.next_at - post.clock() <= timedelta(seconds=6)
    receiver.answer = lambda _d: (200, {})
    post.clock.forward(seconds=60)
    assert post.send() == 1
    first, second = receiver.deliveries
    assert (first.id, first.body) == (second.id, second.body)
    assert second.timestamp - first.timestamp == 60
    assert signed(added, second)
    assert states(post.registry) == {WebhookState.DELIVERED: 1}


def test_a_result_that_is_not_taken_holds_back_its_own_news_and_nobody_elses(post: Post, receiver: Receiver) -> None:
    post.add(receiver.url())
    stuck, other = issue(post.registry), issue(post.registry)
    post.clock.forward(seconds=1)
    change = StandingChange(standing=Standing.SUSPENDED, at=post.clock(), by="b", why="w")
    for each in (stuck, other):
        post.registry.change(each.id, change)
    receiver.answer = lambda d: (500 if str(stuck.id) in d.body.decode() else 200, {})
    for _ in range(5):
        post.send()
        post.clock.forward(minutes=1)
    seen = [(d.told["data"]["id"], d.told["type"]) for d in receiver.deliveries]
    assert (str(stuck.id), "result.standing") not in seen
    assert seen.count((str(other.id), "result.standing")) == 1
    receiver.answer = lambda _d: (200, {})
    post.clock.forward(hours=3)
    post.send()
    of_stuck = [d.told["type"] for d in receiver.deliveries if d.told["data"]["id"] == str(stuck.id)]
    assert of_stuck[-2:] == ["result.issued", "result.standing"]


def test_it_is_given_up_after_days_and_can_be_replayed(post: Post, receiver: Receiver) -> None:
    post.add(receiver.url())
    receiver.answer = lambda _d: (503, {})
    issue(post.registry)
    began = post.clock()
    for _ in range(40):
        post.send()
        (webhook,) = post.registry.outbox.listing(agency=WARD)
        if webhook.state is WebhookState.GIVEN_UP:
            break
        post.clock.at = max(webhook.next_at, post.clock()) + timedelta(hours=1)
    assert webhook.state is WebhookState.GIVEN_UP
    assert webhook.tries == 12
    assert timedelta(days=3) < post.clock() - began < timedelta(days=6)
    assert post.registry.outbox.counts(agency=WARD)[WebhookState.GIVEN_UP] == 1
    post.clock.forward(days=1)
    assert post.send() == 0
    receiver.answer = lambda _d: (200, {})
    assert post.registry.outbox.replay(webhook.message.id, agency=WARD) == 1
    assert post.send() == 1
    assert len(set(receiver.ids())) == 1
    with pytest.raises(NotRegistered) as e:
        post.registry.outbox.replay(webhook.message.id, agency=OTHER_WARD)
    assert e.value.code == "webhook-message-unknown"


@pytest.mark.parametrize(
    ("wish", "least", "most"),
    [("120", 120, 121), ("Sat, 21 Nov 2026 03:00:00 GMT", 3600, 3601), ("999999999", 86400, 86401), ("soon", 5, 6)],
)
def test_a_receiver_may_say_when(post: Post, receiver: Receiver, wish: str, least: int, most: int) -> None:
    added = post.add(receiver.url())
    receiver.answer = lambda _d: (429, {"Retry-After": wish})
    issue(post.registry)
    issue(post.registry)
    post.send()
    asked = len(receiver.deliveries)
    for webhook in post.registry.outbox.listing(agency=WARD):
        wait = (webhook.next_at - post.clock()).total_seconds()
        assert least <= wait <= most or webhook.tries == 0
    rests = post.endpoint(added).rests_until
    assert (rests is None) == (wish == "soon")
    if rests is not None:
        assert post.send() == 0
        assert len(receiver.deliveries) == asked


def test_a_receiver_that_is_gone_is_left_alone_until_somebody_enables_it(post: Post, receiver: Receiver) -> None:
    added = post.add(receiver.url())
    receiver.answer = lambda _d: (410, {})
    issue(post.registry)
    post.send()
    found = post.endpoint(added)
    assert found.disabled_at is not None
    assert found.problem == Reason("webhook-gone", {})
    post.clock.forward(days=2)
    assert post.send() == 0
    assert len(receiver.deliveries) == 1
    receiver.answer = lambda _d: (200, {})
    post.registry.endpoints.enable(added.endpoint.id, agency=WARD)
    assert post.send() == 1


def test_an_endpoint_that_fails_rests_and_does_not_hold_others_up(post: Post, receiver: Receiver) -> None:
    bad, good = post.add(receiver.url("/bad")), post.add(receiver.url("/good"))
    receiver.answer = lambda d: (500 if d.path == "/bad" else 200, {})
    for _ in range(30):
        issue(post.registry)
    while post.send():
        pass
    paths = Counter(d.path for d in receiver.deliveries)
    assert paths["/good"] == 30
    assert paths["/bad"] < 12
    assert post.endpoint(good).failures == 0
    rests = post.endpoint(bad).rests_until
    assert rests is not None
    post.clock.at = rests
    before = paths["/bad"]
    post.send()
    after = Counter(d.path for d in receiver.deliveries)["/bad"]
    assert after == before + 1, "one goes ahead"


def test_secrets_rotate_without_a_gap(post: Post, receiver: Receiver) -> None:
    old = post.add(receiver.url())
    new = post.desk().rotate(old.endpoint.id, agency=WARD, overlap=A_DAY)
    assert new.secret != old.secret
    issue(post.registry)
    post.send()
    post.clock.forward(days=2)
    issue(post.registry)
    post.send()
    during, after = receiver.deliveries
    assert signed(old, during)
    assert signed(new, during)
    assert signed(new, after)
    assert not signed(old, after)


def test_another_hosts_key_sends_nothing_wrong(post: Post, receiver: Receiver) -> None:
    added = post.add(receiver.url())
    issue(post.registry)
    with pytest.raises(ConfigurationError) as e:
        post.send(key=WebhookKey(b"x" * 32))
    assert e.value.code == "webhook-key-differs"
    assert receiver.deliveries == []
    post.key = WebhookKey(b"x" * 32)
    post.desk().rotate(added.endpoint.id, agency=WARD)
    assert post.endpoint(added).previous_until is None, "its secret cannot be derived any more"
    assert post.send() == 1


def test_two_agencies_of_one_register_have_a_key_each(post: Post, receiver: Receiver) -> None:
    """Neither waits for the other's, and neither is told with the other's secret."""
    theirs = WebhookKey(b"o" * 32)
    desk = WebhookDesk(registry=post.registry, client=post.client(), key=lambda: theirs)
    other = desk.add(receiver.url("/other"), (Event.ISSUED,), agency=OTHER_WARD, by=BY)
    mine = post.add(receiver.url(), Event.ISSUED)
    issue(post.registry)
    issue(post.registry, agency=OTHER_WARD)
    assert post.send(agency=WARD) == 1
    assert signed(mine, receiver.deliveries[0])
    assert post.send(agency=OTHER_WARD, key=theirs) == 1
    assert signed(other, receiver.deliveries[1])


def test_two_senders_send_each_message_once(any_post: Post, receiver: Receiver) -> None:
    any_post.add(receiver.url())
    for _ in range(40):
        issue(any_post.registry)
    threads = [threading.Thread(target=any_post.send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(receiver.ids()) == dict.fromkeys(receiver.ids(), 1)
    assert len(receiver.deliveries) == 40


def test_a_sender_that_dies_leaves_a_try_in_vain(post: Post, receiver: Receiver) -> None:
    post.add(receiver.url())
    issue(post.registry)
    (webhook,) = post.registry.outbox.due()
    assert post.registry.outbox.take(webhook, again=timedelta(seconds=30))
    assert not post.registry.outbox.take(webhook, again=timedelta(seconds=30))
    assert post.send() == 0
    post.clock.forward(seconds=31)
    assert post.send() == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.example/hook",
        "https://127.0.0.1/hook",
        "https://10.1.2.3/hook",
        "https://[::1]/hook",
        "https://169.254.169.254/latest",
        "https://2130706433/",
        "https://user:word@portal.example/",
        "https://portal.example:8443/",
        "ftp://portal.example/",
        "https://[::ffff:10.0.0.1]/",
        "file:///etc/passwd",
    ],
)
def test_where_nothing_is_sent(post: Post, url: str) -> None:
    with pytest.raises(NetworkError):
        post.add(url)
    assert post.registry.endpoints.of(WARD) == ()


def test_an_agency_has_only_so_many_endpoints(post: Post, receiver: Receiver) -> None:
    added = [post.add(receiver.url(f"/{n}")) for n in range(32)]
    with pytest.raises(InputError) as e:
        post.add(receiver.url())
    assert e.value.code == "webhook-too-many"
    post.registry.endpoints.remove(added[0].endpoint.id, agency=WARD)
    post.add(receiver.url())


def test_what_is_removed_is_told_nothing_more(post: Post, receiver: Receiver) -> None:
    added = post.add(receiver.url())
    issue(post.registry)
    post.registry.endpoints.remove(added.endpoint.id, agency=WARD)
    issue(post.registry)
    assert post.send() == 0
    assert states(post.registry) == {WebhookState.GIVEN_UP: 1}
    with pytest.raises(NotRegistered) as e:
        post.registry.endpoints.endpoint(EndpointId.random())
    assert e.value.code == "webhook-unknown"


def test_old_messages_are_forgotten_once_nobody_waits_for_them(post: Post, receiver: Receiver) -> None:
    post.add(receiver.url("/good"))
    bad = post.add(receiver.url("/bad"))
    receiver.answer = lambda d: (200 if d.path == "/good" else 500, {})
    issue(post.registry)
    post.send()
    post.clock.forward(days=31)
    post.registry.outbox.sweep(before=post.clock() - timedelta(days=30))
    assert len(post.registry.outbox.listing(agency=WARD)) == 2
    post.registry.endpoints.remove(bad.endpoint.id, agency=WARD)
    assert post.registry.outbox.sweep(before=post.clock() - timedelta(days=30)) == 1
    assert post.registry.outbox.listing(agency=WARD) == ()


HOSTILE = (
    "says-nothing",
    "drips-status",
    "drips-headers",
    "redirects-302",
    "redirects-307",
    "floods-with-headers",
    "floods-in-one-header",
    "floods-with-informational",
    "status-500",
    "hangs-up",
    "resets",
    "http-0.9",
    "switches-protocols",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_receiver_is_one_that_failed(post: Post, name: str) -> None:
    assert name in BEHAVIOURS
    with serving() as server:
        post.inside = (server.authority,)
        post.add(server.url(name, Kind.TIMESTAMP))
        issue(post.registry)
        post.send(client=post.client(monotonic=_since_the_first_visit(server)), deadline=timedelta(seconds=0.5))
        (webhook,) = post.registry.outbox.listing(agency=WARD)
        assert (webhook.state, webhook.tries) == (WebhookState.PENDING, 1)
        assert webhook.problem is not None
        until(lambda: server.visits)
        assert [n for n, _ in server.visits] == [name], "nothing is followed"


def _since_the_first_visit(server: HostileServer) -> Callable[[], float]:
    """A clock that begins when somebody is there: whoever stands still on the way has lost no time."""
    looks: list[float] = []

    def seconds() -> float:
        if not server.visits:
            return 0.0
        looks.append(time.monotonic())
        return looks[-1] - looks[0]

    return seconds


def test_two_hundred_webhooks_reach_a_receiver_that_fails_in_every_way(post: Post, receiver: Receiver) -> None:
    added = post.add(receiver.url())
    counted: defaultdict[str, int] = defaultdict(int)

    def moody(delivery: Delivery) -> Answer:
        with receiver.lock:
            counted[delivery.id] += 1
            tries = counted[delivery.id]
        kinds: list[Callable[[], Answer]] = [
            lambda: (500, {}),
            lambda: (429, {"Retry-After": "7"}),
            lambda: (302, {"Location": receiver.url("/elsewhere")}),
            lambda: (400, {}),
        ]
        fails = int(delivery.id[-1], 16) % 4
        return kinds[tries - 1]() if tries <= fails else (200, {})

    receiver.answer = moody
    ids = [str(issue(post.registry).id) for _ in range(200)]
    for _ in range(300):
        post.send()
        if states(post.registry) == {WebhookState.DELIVERED: 200}:
            break
        post.clock.forward(minutes=11)
    assert states(post.registry) == {WebhookState.DELIVERED: 200}
    assert all(signed(added, d) for d in receiver.deliveries)
    # By its id each is known, however often it came: the bytes are the same, and a result is told once.
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    for delivery in receiver.deliveries:
        bodies[delivery.id].add(delivery.body)
    assert len(bodies) == 200
    assert {len(b) for b in bodies.values()} == {1}
    assert sorted(d.told["data"]["id"] for d in {d.id: d for d in receiver.deliveries}.values()) == sorted(ids)
    assert not [d for d in receiver.deliveries if d.path != "/hook"]


def test_a_hanging_receiver_takes_no_place_from_others(post: Post, receiver: Receiver) -> None:
    def missing() -> int:
        receiver.deliveries.clear()
        with serving() as server:
            post.inside = (receiver.authority, server.authority)
            endpoints = [post.add(_hanging(server)), post.add(receiver.url())]
            for _ in range(20):
                issue(post.registry)
            post.send(deadline=timedelta(seconds=0.5))
            assert len(server.visits) <= 8
            for added in endpoints:
                post.registry.endpoints.remove(added.endpoint.id, agency=WARD)
        return 20 - len(receiver.deliveries)

    # Where the machine stood still for half a second, a try of the good one failed as well.
    assert shortest(missing, enough=0) == 0


def _hanging(server: HostileServer) -> str:
    return server.url("says-nothing", Kind.TIMESTAMP)
