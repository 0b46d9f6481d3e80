"""Two clients of slixmpp that publish and hear of each other by its own plugins; each step that is seen prints a line.

Arguments: password, port.
"""

import asyncio
import sys
from xml.etree import ElementTree

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError

PICTURE = b"\x89PNG of nothing much"
OTHER_PICTURE = b"\x89PNG of something else"
NOTES = "urn:example:notes"
PLUGINS = "0004 0030 0048 0049 0054 0060 0080 0084 0107 0108 0115 0118 0153 0163 0172 0222 0223"
EVENTS = (
    "avatar_metadata_publish",
    "user_tune_publish",
    "user_mood_publish",
    "user_activity_publish",
    "user_nick_publish",
    "user_location_publish",
    "notes_publish",
    "notes_retract",
    "notes_purge",
    "notes_delete",
)


def say(*words):
    print(*words, flush=True)


class Person(ClientXMPP):
    def __init__(self, jid, password):
        super().__init__(jid, password)
        for number in PLUGINS.split():
            self.register_plugin(f"xep_{number}")
        self["xep_0060"].map_node_event(NOTES, "notes")
        self["feature_mechanisms"].unencrypted_plain = True
        self.ready = self.loop.create_future()
        self.events = asyncio.Queue()
        self.add_event_handler("session_start", lambda _: self.ready.set_result(True))
        for name in EVENTS:
            self.add_event_handler(name, self.events.put_nowait)

    async def _pick_dns_answer(self, _domain, service=None):
        return None

    async def come(self, port):
        self.connect(("127.0.0.1", port), disable_starttls=True)
        await self.ready
        await self.get_roster()
        self["xep_0163"].add_interest(NOTES)
        await self["xep_0115"].update_caps(broadcast=False)
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
    await pictures(juliet, romeo)
    await states(juliet, romeo)
    await bookmarks(juliet)
    await notes(juliet, romeo)
    await profiles(juliet, romeo)


async def news(person, expected):
    """What the next event says. One that comes for nothing is shown."""
    event = await person.events.get()
    node = event["pubsub_event"]["items"]["node"]
    if node != expected:
        say("unexpected:", node)
    return event


async def pictures(juliet, romeo):
    avatars = juliet["xep_0084"]
    await avatars.publish_avatar(PICTURE)
    identity = avatars.generate_id(PICTURE)
    await avatars.publish_avatar_metadata([{"id": identity, "type": "image/png", "bytes": str(len(PICTURE))}])
    await seen(romeo, PICTURE)
    card = await romeo["xep_0054"].get_vcard(juliet.boundjid.bare, cached=False)
    say("in the card it is", "right" if card["vcard_temp"]["PHOTO"]["BINVAL"] == PICTURE else "wrong")

    await juliet["xep_0153"].set_avatar(avatar=OTHER_PICTURE, mtype="image/png")
    await seen(romeo, OTHER_PICTURE)
    await avatars.stop()
    event = await news(romeo, "urn:xmpp:avatar:metadata")
    infos = event["pubsub_event"]["items"]["item"]["avatar_metadata"]["items"]
    say("pictures left:", len(infos))


async def seen(romeo, picture):
    event = await news(romeo, "urn:xmpp:avatar:metadata")
    say("avatar of", event["from"], "as told to", event["to"].bare)
    item = event["pubsub_event"]["items"]["item"]
    found = await romeo["xep_0084"].retrieve_avatar(event["from"], item["id"])
    data = found["pubsub"]["items"]["item"]["avatar_data"]["value"]
    say("the picture is", "right" if data == picture else "wrong")


async def states(juliet, romeo):
    await juliet["xep_0118"].publish_tune(artist="Tallis", title="If ye love me")
    event = await news(romeo, "http://jabber.org/protocol/tune")
    say("tune:", event["pubsub_event"]["items"]["item"]["tune"]["title"])
    await juliet["xep_0107"].publish_mood("in_love", "at last")
    event = await news(romeo, "http://jabber.org/protocol/mood")
    mood = event["pubsub_event"]["items"]["item"]["mood"]
    say("mood:", mood["value"], mood["text"])
    await juliet["xep_0108"].publish_activity("relaxing", "reading")
    event = await news(romeo, "http://jabber.org/protocol/activity")
    say("activity:", *event["pubsub_event"]["items"]["item"]["activity"]["value"])
    await juliet["xep_0172"].publish_nick("Jule")
    event = await news(romeo, "http://jabber.org/protocol/nick")
    say("nick:", event["pubsub_event"]["items"]["item"]["nick"]["nick"])
    await juliet["xep_0080"].publish_location(lat=45.44, lon=10.99, locality="Verona")
    event = await news(romeo, "http://jabber.org/protocol/geoloc")
    say("location:", event["pubsub_event"]["items"]["item"]["geoloc"]["locality"])


def named(bookmarks):
    return [conference["name"] for conference in bookmarks["conferences"]]


async def bookmarks(juliet):
    plugin = juliet["xep_0048"]
    kept = plugin.stanza.Bookmarks()
    kept.add_conference("room@rooms.localhost", "juliet", name="Balcony", autojoin=False)
    await plugin.set_bookmarks(kept, method="xep_0223")
    found = await plugin.get_bookmarks(method="xep_0223")
    say("bookmarks:", *named(found["pubsub"]["items"]["item"]["bookmarks"]))
    found = await plugin.get_bookmarks(method="xep_0049")
    say("in private storage:", *named(found["private"]["bookmarks"]))
    kept.add_conference("other@rooms.localhost", "juliet", name="Orchard", autojoin=False)
    await plugin.set_bookmarks(kept, method="xep_0049")
    found = await plugin.get_bookmarks(method="xep_0223")
    say("then:", *named(found["pubsub"]["items"]["item"]["bookmarks"]))


def options(person, **values):
    form = person["xep_0004"].make_form(ftype="submit")
    for name, value in values.items():
        form.add_field(var=f"pubsub#{name}", value=value)
    return form


def note(text):
    element = ElementTree.Element(f"{{{NOTES}}}note")
    element.text = text
    return element


async def notes(juliet, romeo):
    """A node of one's own, by the plugin of pubsub."""
    pubsub, owner = juliet["xep_0060"], juliet.boundjid.bare
    await pubsub.create_node(owner, NOTES, config=options(juliet, access_model="presence", max_items="2"))
    for number in ("one", "two", "three"):
        await pubsub.publish(owner, NOTES, id=number, payload=note(number))
        event = await news(romeo, NOTES)
        say("note:", event["pubsub_event"]["items"]["item"]["payload"].text)
    found = await romeo["xep_0060"].get_items(owner, NOTES)
    say("there are", *[item["id"] for item in found["pubsub"]["items"]])
    found = await romeo["xep_0060"].get_item(owner, NOTES, "two")
    say("the second is", found["pubsub"]["items"]["item"]["payload"].text)
    found = await romeo["xep_0060"].get_nodes(owner)
    say("listed:", NOTES in [node for _, node, _ in found["disco_items"]["items"]])
    await pubsub.retract(owner, NOTES, "two", notify=True)
    event = await news(romeo, NOTES)
    say("taken back:", event["pubsub_event"]["items"]["retract"]["id"])
    await pubsub.purge(owner, NOTES)
    event = await romeo.events.get()
    say("purged:", event["pubsub_event"]["purge"]["node"])

    form = (await pubsub.get_node_config(owner, NOTES))["pubsub_owner"]["configure"]["form"]
    say("keeps", form.get_values()["pubsub#max_items"])
    await pubsub.set_node_config(owner, NOTES, options(juliet, access_model="whitelist"))
    while not juliet.events.empty():
        juliet.events.get_nowait()
    await pubsub.publish(owner, NOTES, id="four", payload=note("for me"))
    for person in (juliet, romeo):
        try:
            found = await person["xep_0060"].get_items(owner, NOTES)
            say(person.boundjid.user, "reads", found["pubsub"]["items"]["item"]["payload"].text)
        except IqError as error:
            say(person.boundjid.user, "is told:", error.condition)
    event = await news(juliet, NOTES)
    say("she is told of", event["pubsub_event"]["items"]["item"]["id"])
    await pubsub.delete_node(owner, NOTES)
    event = await juliet.events.get()
    say("deleted:", event["pubsub_event"]["delete"]["node"])


async def profiles(juliet, romeo):
    """XEP-0222 for everybody, XEP-0223 for oneself."""
    for plugin in ("xep_0222", "xep_0223"):
        nick = juliet["xep_0172"].stanza.UserNick()
        nick["nick"] = "Jule"
        await juliet[plugin].store(nick, node=f"urn:example:{plugin}", id="1")
        try:
            found = await romeo["xep_0060"].get_items(juliet.boundjid.bare, f"urn:example:{plugin}")
            say(plugin, "others read", found["pubsub"]["items"]["item"]["payload"].text)
        except IqError as error:
            say(plugin, "others are told:", error.condition)


password, port = sys.argv[1:]
juliet = Person("juliet@localhost/balcony", password)
romeo = Person("romeo@localhost/orchard", password)
juliet.loop.run_until_complete(asyncio.wait_for(play(juliet, romeo, int(port)), 20))
