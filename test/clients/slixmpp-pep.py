"""Two clients of slixmpp that publish and hear of each other by its own plugins; each step that is seen prints a line.

Arguments: password, port.
"""

import asyncio
import sys

from slixmpp import ClientXMPP

PICTURE = b"\x89PNG of nothing much"


def say(*words):
    print(*words, flush=True)


class Person(ClientXMPP):
    def __init__(self, jid, password):
        super().__init__(jid, password)
        for plugin in ("xep_0030", "xep_0060", "xep_0115", "xep_0163", "xep_0084", "xep_0118", "xep_0048"):
            self.register_plugin(plugin)
        self["feature_mechanisms"].unencrypted_plain = True
        self.ready = self.loop.create_future()
        self.events = asyncio.Queue()
        self.add_event_handler("session_start", lambda _: self.ready.set_result(True))
        self.add_event_handler("avatar_metadata_publish", self.events.put_nowait)
        self.add_event_handler("user_tune_publish", self.events.put_nowait)

    async def _pick_dns_answer(self, _domain, service=None):
        return None

    async def come(self, port):
        self.connect(("127.0.0.1", port), disable_starttls=True)
        await self.ready
        await self.get_roster()
        self.send_presence()


async def meet(one, other):
    """slixmpp answers requests by itself, and asks back."""
    seen = one.loop.create_future()
    one.add_event_handler("presence_available", lambda p: p["from"].bare == other.boundjid.bare and not seen.done() and seen.set_result(True))
    one.send_presence_subscription(pto=other.boundjid.bare)
    await seen


async def play(juliet, romeo, port):
    await romeo.come(port)
    await juliet.come(port)
    await meet(romeo, juliet)
    say("they have met")

    avatars = juliet["xep_0084"]
    await avatars.publish_avatar(PICTURE)
    identity = avatars.generate_id(PICTURE)
    await avatars.publish_avatar_metadata([{"id": identity, "type": "image/png", "bytes": str(len(PICTURE))}])
    event = await romeo.events.get()
    say("avatar of", event["from"], "as told to", event["to"].bare)
    item = event["pubsub_event"]["items"]["item"]
    found = await romeo["xep_0084"].retrieve_avatar(event["from"], item["id"])
    data = found["pubsub"]["items"]["item"]["avatar_data"]["value"]
    say("the picture is", "right" if data == PICTURE else "wrong")

    await juliet["xep_0118"].publish_tune(artist="Tallis", title="If ye love me")
    event = await romeo.events.get()
    say("tune:", event["pubsub_event"]["items"]["item"]["tune"]["title"])

    bookmarks = juliet["xep_0048"].stanza.Bookmarks()
    bookmarks.add_conference("room@rooms.localhost", "juliet", name="Balcony", autojoin=True)
    await juliet["xep_0048"].set_bookmarks(bookmarks, method="xep_0223")
    kept = await juliet["xep_0048"].get_bookmarks(method="xep_0223")
    conferences = kept["pubsub"]["items"]["item"]["bookmarks"]["conferences"]
    say("bookmarks:", *[conference["name"] for conference in conferences])


password, port = sys.argv[1:]
juliet = Person("juliet@localhost/balcony", password)
romeo = Person("romeo@localhost/orchard", password)
juliet.loop.run_until_complete(asyncio.wait_for(play(juliet, romeo, int(port)), 20))
