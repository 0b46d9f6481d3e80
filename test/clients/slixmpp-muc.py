"""Three clients of slixmpp in a room, by its own plugin; each step that is seen prints a line that begins with "| ".

Arguments: password, port.
"""

import asyncio
import sys
import xml.etree.ElementTree as ET

from slixmpp import JID, ClientXMPP
from slixmpp.exceptions import IqError, PresenceError

ROOM = JID("balcony@rooms.localhost")
GROUP = JID("orchard@rooms.localhost")
PLUGINS = "0004 0030 0045 0054 0059 0153 0199 0249 0313 0421"


def say(*words):
    print("|", *words, flush=True)


class Person(ClientXMPP):
    def __init__(self, name, password):
        super().__init__(f"{name}@localhost/slixmpp", password)
        for number in PLUGINS.split():
            self.register_plugin(f"xep_{number}")
        self["feature_mechanisms"].unencrypted_plain = True
        self.ready = self.loop.create_future()
        self.events = asyncio.Queue()
        self.add_event_handler("session_start", lambda _: self.ready.set_result(True))
        for name in ("groupchat_message", "groupchat_subject", "groupchat_presence", "groupchat_invite", "groupchat_config_status"):
            self.add_event_handler(name, lambda stanza, name=name: self.events.put_nowait((name, stanza)))
        self.add_event_handler("message", lambda stanza: stanza["type"] == "chat" and self.events.put_nowait(("private", stanza)))

    @property
    def muc(self):
        return self["xep_0045"]

    async def _pick_dns_answer(self, _domain, service=None):
        return None

    async def come(self, port):
        self.connect(("127.0.0.1", port), disable_starttls=True)
        await self.ready
        await self.get_roster()
        self.send_presence()

    async def enter(self, nick, room=ROOM, **more):
        try:
            presence, subject, occupants, history = await self.muc.join_muc_wait(room, nick, timeout=5, **more)
        except PresenceError as error:
            return say(self.boundjid.user, "may not enter:", error.condition)
        others = sorted(one["muc"]["nick"] for one in occupants if one["muc"]["nick"] != nick)
        say(self.boundjid.user, "enters as", presence["from"].resource, "with", others, "subject", repr(subject["subject"]))
        say("codes", *sorted(presence["muc"]["status_codes"]), "history", [one["body"] for one in history])
        self.forget()
        return None

    def forget(self):
        while not self.events.empty():
            self.events.get_nowait()

    async def until(self, wanted, fits=lambda stanza: True):
        """The next event of a kind that fits; others before it are of no matter."""
        while True:
            name, stanza = await asyncio.wait_for(self.events.get(), 5)
            if name == wanted and fits(stanza):
                return stanza


def unavailable(nick):
    return lambda stanza: stanza["type"] == "unavailable" and stanza["from"].resource == nick


def available(nick):
    return lambda stanza: stanza["type"] != "unavailable" and stanza["from"].resource == nick


async def play(juliet, romeo, nurse, port):
    for person in (juliet, romeo, nurse):
        await person.come(port)
    await found(romeo)
    await made(juliet, romeo)
    await talk(juliet, romeo)
    await nicks(juliet, romeo)
    await standing(juliet, romeo, nurse)
    await card(juliet, romeo)
    await end(juliet, romeo)
    await group(juliet, romeo)


async def found(romeo):
    services = await romeo["xep_0030"].get_items("localhost")
    say("services:", sorted(jid for jid, _, _ in services["disco_items"]["items"]))
    info = await romeo["xep_0030"].get_info("rooms.localhost")
    say("rooms:", "http://jabber.org/protocol/muc" in info["disco_info"]["features"])


async def made(juliet, romeo):
    await juliet.enter("Jule")
    await romeo.enter("Romeo")
    form = await juliet.muc.get_room_config(ROOM)
    say("the form is of type", form["type"], "and asks", "muc#roomconfig_roomname" in form.get_fields())
    form.set_values({"muc#roomconfig_roomname": "Balcony", "muc#roomconfig_persistentroom": True})
    await juliet.muc.set_room_config(ROOM, form)
    await romeo.enter("Romeo")
    listed = await romeo["xep_0030"].get_items("rooms.localhost")
    say("listed:", [(jid, name) for jid, _, name in listed["disco_items"]["items"]])
    info = await romeo["xep_0030"].get_info(ROOM)
    say("occupant ids:", "urn:xmpp:occupant-id:0" in info["disco_info"]["features"])


async def talk(juliet, romeo):
    juliet.send_message(mto=ROOM, mbody="What's in a name?", mtype="groupchat")
    heard = await romeo.until("groupchat_message")
    own = await juliet.until("groupchat_message")
    say("heard from", heard["from"].resource, heard["body"], heard["id"] == own["id"])
    romeo.send_message(mto=f"{ROOM}/Jule", mbody="Shall I hear more?", mtype="chat")
    heard = await juliet.until("private")
    say("privately from", heard["from"].resource, heard["body"])
    juliet.muc.set_subject(ROOM, "Names")
    say("subject:", (await romeo.until("groupchat_subject"))["subject"])
    ping = await romeo["xep_0199"].send_ping(f"{ROOM}/Romeo")
    say("pings himself:", ping["type"])
    info = await romeo["xep_0030"].get_info(f"{ROOM}/Jule")
    say("asks her:", info["from"], "http://jabber.org/protocol/muc" in info["disco_info"]["features"])


async def nicks(juliet, romeo):
    romeo.send_presence(pto=f"{ROOM}/Montague")
    gone = await juliet.until("groupchat_presence", unavailable("Romeo"))
    say("romeo is now", gone["muc"]["item"]["nick"], *gone["muc"]["status_codes"])
    await juliet.until("groupchat_presence", available("Montague"))
    await romeo.until("groupchat_presence", available("Montague"))
    romeo.send_presence(pto=f"{ROOM}/Montague", pshow="dnd", pstatus="climbing")
    now = await juliet.until("groupchat_presence", available("Montague"))
    say("he is", now["show"], now["status"], "seen as", juliet.muc.get_jid_property(ROOM, "Montague", "jid"))


async def standing(juliet, romeo, nurse):
    await juliet.muc.set_affiliation(ROOM, "member", jid=romeo.boundjid.bare, reason="love")
    now = await romeo.until("groupchat_presence", lambda stanza: stanza["muc"]["affiliation"] == "member")
    say("affiliation:", now["muc"]["affiliation"])
    say("members:", [str(jid) for jid in await juliet.muc.get_affiliation_list(ROOM, "member")])
    say("owners:", [str(jid) for jid in await juliet.muc.get_affiliation_list(ROOM, "owner")])
    await juliet.muc.set_role(ROOM, "Montague", "moderator")
    now = await romeo.until("groupchat_presence", lambda stanza: stanza["muc"]["role"] == "moderator" and stanza["from"].resource == "Montague")
    say("role:", now["muc"]["role"], now["muc"]["affiliation"])
    say("moderators:", sorted(await juliet.muc.get_roles_list(ROOM, "moderator")))
    try:
        await romeo.muc.set_affiliation(ROOM, "outcast", jid=juliet.boundjid.bare)
    except IqError as error:
        say("he may not ban her:", error.condition)

    await nurse.enter("Romeo")
    await nurse.enter("Jule")
    await juliet.muc.set_role(ROOM, "Romeo", "none", reason="Nurse!")
    gone = await nurse.until("groupchat_presence", unavailable("Romeo"))
    say("kicked:", *sorted(gone["muc"]["status_codes"]), gone["muc"]["item"]["reason"])
    await juliet.muc.send_affiliation_list(ROOM, [(nurse.boundjid.bare, "outcast")])
    await nurse.enter("Romeo")
    form = await juliet.muc.get_room_config(ROOM)
    form.set_values({"muc#roomconfig_membersonly": True, "muc#roomconfig_passwordprotectedroom": True, "muc#roomconfig_roomsecret": "rose"})
    await juliet.muc.set_room_config(ROOM, form)
    status = await romeo.until("groupchat_config_status")
    say("configured:", *status["muc"]["status_codes"])
    await juliet.muc.set_affiliation(ROOM, "none", jid=nurse.boundjid.bare)
    await nurse.enter("Nurse")
    await juliet.muc.set_affiliation(ROOM, "member", jid=nurse.boundjid.bare)
    await nurse.enter("Nurse")
    await nurse.enter("Nurse", password="rose", maxstanzas=5)


async def card(juliet, romeo):
    card = juliet["xep_0054"].make_vcard()
    card["FN"] = "The balcony"
    card["PHOTO"]["TYPE"] = "image/png"
    card["PHOTO"]["BINVAL"] = b"picture"
    await juliet["xep_0054"].publish_vcard(jid=ROOM, vcard=card)
    status = await romeo.until("groupchat_config_status")
    seen = await romeo["xep_0054"].get_vcard(ROOM, cached=False)
    say("card:", *status["muc"]["status_codes"], seen["vcard_temp"]["FN"], seen["vcard_temp"]["PHOTO"]["BINVAL"])


async def end(juliet, romeo):
    romeo.muc.leave_muc(ROOM, "Montague", "Adieu")
    gone = await juliet.until("groupchat_presence", unavailable("Montague"))
    say("left:", gone["status"])
    # What the room said before is behind him then.
    await romeo["xep_0199"].send_ping("rooms.localhost")
    await romeo.enter("Romeo", password="rose", maxstanzas=1)
    await juliet.muc.destroy(ROOM, reason="dawn")
    gone = await romeo.until("groupchat_presence", unavailable("Romeo"))
    say("destroyed:", gone["muc"]["destroy"]["reason"])
    listed = await romeo["xep_0030"].get_items("rooms.localhost")
    say("listed:", len(listed["disco_items"]["items"]))


async def asks(person, payload):
    """Asks the group for what docs/protocol/groups.md describes."""
    iq = person.make_iq_get(ito=GROUP)
    iq.append(ET.fromstring(payload))
    return (await iq.send(timeout=5)).xml[0]


async def a_second():
    """The clock of the server goes on when whoever runs this says so."""
    print("~", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def unread(person):
    return (await asks(person, "<unread xmlns='tidings:groups:0'/>")).get("count")


async def group(juliet, romeo):
    await juliet.enter("Jule", GROUP)
    form = await juliet.muc.get_room_config(GROUP)
    form.set_values({"tidings:groups#group": True})
    await juliet.muc.set_room_config(GROUP, form)
    romeo.forget()
    juliet.muc.invite(GROUP, romeo.boundjid.bare, "Tonight")
    invitation = await romeo.until("groupchat_invite")
    say("invited to", invitation["from"], "by", JID(invitation["muc"]["invite"]["from"]).bare, invitation["muc"]["invite"]["reason"])
    await a_second()
    await romeo.enter("Romeo", GROUP)
    juliet.send_message(mto=GROUP, mbody="Art thou there?", mtype="groupchat")
    await romeo.until("groupchat_message", lambda stanza: stanza["body"] == "Art thou there?")
    romeo.send_message(mto=GROUP, mbody="Ay", mtype="groupchat")
    await romeo.until("groupchat_message", lambda stanza: stanza["body"] == "Ay")
    say("unread:", await unread(romeo))
    await a_second()

    romeo.muc.leave_muc(GROUP, "Romeo")
    await juliet.until("groupchat_presence", unavailable("Romeo"))
    say("members:", [str(jid) for jid in await juliet.muc.get_affiliation_list(GROUP, "member")])
    for text in ("Where art thou?", "Romeo!"):
        juliet.send_message(mto=GROUP, mbody=text, mtype="groupchat")
        heard = await juliet.until("groupchat_message", lambda stanza: stanza["body"] == text)
    newest = heard.xml.find("{urn:xmpp:sid:0}stanza-id").get("id")
    await romeo["xep_0199"].send_ping(GROUP)
    romeo_heard = []
    while not romeo.events.empty():
        romeo_heard.append(romeo.events.get_nowait()[1]["body"])
    say("while away he heard", "Romeo!" in romeo_heard, "unread:", await unread(romeo))

    await romeo.enter("Romeo", GROUP, maxstanzas=0)
    kept = await romeo["xep_0313"].retrieve(GROUP)
    bodies = [one["mam_result"]["forwarded"]["stanza"]["body"] for one in kept["mam"]["results"]]
    say("kept:", [text for text in bodies if text in ("Art thou there?", "Ay", "Where art thou?", "Romeo!")])
    say("unread:", await unread(romeo))
    say("she is told:", await ticked(juliet, newest))
    marker = romeo.make_message(GROUP, mtype="groupchat")
    marker.append(ET.fromstring(f"<displayed xmlns='urn:xmpp:chat-markers:0' id='{newest}'/>"))
    marker.send()
    await juliet["xep_0199"].send_ping(GROUP)
    await romeo["xep_0199"].send_ping(GROUP)
    say("unread:", await unread(romeo), "and she is told:", await ticked(juliet, newest))


async def ticked(person, stanza_id):
    ticks = await asks(person, f"<ticks xmlns='tidings:groups:0' id='{stanza_id}'/>")
    return [(one.get("jid"), one.get("state")) for one in ticks]


password, port = sys.argv[1:]
people = [Person(name, password) for name in ("juliet", "romeo", "nurse")]
people[0].loop.run_until_complete(asyncio.wait_for(play(*people, int(port)), 20))
