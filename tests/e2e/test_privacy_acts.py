"""Erasure, openings, findings: what privacy law and inspections ask for, against the running daemon.

What was erased is looked for as bytes in every file of the station and of its backups; what is still
there is found by the same search before.
"""
import hashlib
import hmac
import os
import pathlib
import subprocess
import time

import pytest

import small_station as small
from small_station import Draft, act_pb2, effects, entry_pb2, rpc_pb2, tc, types_pb2

NAME, UNIT, PHONE, PLACE, CARD = "欧阳被遗忘", "麓山里社区七栋", "13977766655", "银杏路九号二单元", "card-forget-me-1"
WHOLE, DETAILS, RECORDS = 1, 2, 3
REQUEST, CONSENT, INSPECTION, ENDED = 1, 2, 3, 4
FOUND, MISSING, DIFFERS = 1, 2, 3
SAID = (NAME, UNIT, PHONE, PLACE)


def row_texts(draft, rows):
    """Puts a RecordText beside each row of the next command."""
    for i, row in enumerate(rows):
        row.commitment = draft.commit(rpc_pb2.RecordText(activity="陪伴", place=PLACE, unit="社工站"), row=i)
    return rows


class Privacy(small.SmallStation):
    """The last member is the one who is to be forgotten: with name, place, card and PIN."""

    def prepare(self, opened=True):
        self.set_up(members=3)
        number = small.member_number(4321)
        with self.connect("staff") as staff, self.connect("second") as second:
            text = rpc_pb2.PersonText(number=number, name=NAME, unit=UNIT, zone="北", phone=PHONE)
            added = Draft().add("member_add", text, joined_day=self.today(staff) - 300,
                                **{"class": types_pb2.MEMBER_CLASS_RESIDENT}).send(staff)
            self.person_entry = added.seq
            self.person = self.Person(9, number, effects(added, "MEMBER_ADDED")[0].id)
            self.members.append(self.person)
            Draft().add("card_bind", rpc_pb2.CardText(token=CARD), member=self.person.id).send(staff)
            slip = Draft().add("pin_slip", member=self.person.id).send(staff).codes[0].code
            with self.connect("kiosk") as kiosk:
                kiosk.set_pin(number, slip, self.person.pin)
            self.rows_entry = self.record(staff, second)
        return self.open() if opened else self

    def record(self, staff, second):
        """Two attested records, the first the person's; the entry that has them."""
        today, batch = self.today(staff), os.urandom(16)
        draft = Draft()
        rows = [act_pb2.ServiceRow(line=i + 2, member=who.id, item=small.SERVICE, day=today - 5, start_minute=600,
                                   end_minute=660, measured=True)
                for i, who in enumerate((self.person, self.members[0]))]
        receipt = draft.add("service_rows", batch=batch, parts=1, rows=row_texts(draft, rows)).send(staff)
        rules = second.call("get_batch", batch=batch).rules
        Draft().add("attest_batch", batch=batch, entries=1, records=2, digest=hashlib.sha256(receipt.leaf).digest(),
                    rules=rules).send(second)
        until = time.monotonic() + 20
        while second.call("get_batch", batch=batch).state != types_pb2.BATCH_STATE_CREDITED:
            assert time.monotonic() < until
            time.sleep(0.02)
        self.batch = batch
        return receipt

    def erase(self, scope=WHOLE, ground=REQUEST, **who):
        """Proposed by one, approved by the other; the approval's receipt."""
        who = who or {"member": self.person.id}
        with self.connect("staff") as staff, self.connect("second") as second:
            proposal = Draft().add("erase", scope=scope, ground=ground, **who).send(staff)
            assert effects(proposal, "PROPOSED")
            return Draft().add("approve", ref=tc.ref_to(proposal)).send(second)

    def files(self, folder=None):
        return [p for p in pathlib.Path(folder or self.dir).rglob("*") if p.is_file()]

    def sightings(self, words, folder=None):
        """Where each word is found as bytes."""
        found = set()
        for path in self.files(folder):
            data = path.read_bytes()
            found |= {(path.name, word) for word in words if (word if isinstance(word, bytes) else word.encode()) in data}
        return found

    def settled(self):
        """Waits until what was erased is overwritten, too."""
        until = time.monotonic() + 20
        with self.connect("staff") as staff:
            while staff.call("get_status").erasure_waits:
                assert time.monotonic() < until
                time.sleep(0.05)


@pytest.fixture
def station(tmp_path):
    made = Privacy(tmp_path)
    try:
        yield made.prepare()
    finally:
        made.close()


def refusal(name, draft, client):
    with pytest.raises(tc.Refused) as refused:
        draft.send(client)
    assert refused.value.name == name
    return refused.value


def people_texts(station):
    """The key of every private text, from the files of the people env, by what the acts carried."""
    return station.dir / "people" / "data.mdb"


# --- erasure ---

def test_what_was_erased_is_in_no_file(station):
    words = SAID + (station.person.number,)
    assert {word for _, word in station.sightings(words)} == set(words)
    with station.connect("staff") as staff:
        text = staff.call("get_texts", seq=station.person_entry).texts[0].text
    stored = people_texts(station).read_bytes()
    at = stored.find(text)
    key = stored[at - 32:at]
    entry = station_entry(station, station.person_entry)
    commitment = act_pb2.Act.FromString(entry.act).commands[0].member_add.commitment
    assert hmac.new(key, text, hashlib.sha256).digest() == commitment
    card = hashlib.sha256(CARD.encode()).digest()
    assert card in stored
    receipt = station.erase()
    (erased,) = effects(receipt, "ERASED")
    assert (erased.member, erased.count) == (station.person.id, WHOLE)
    station.settled()
    # The other member's record has the same place.
    gone = [NAME, UNIT, PHONE, station.person.number, key, text, card]
    assert station.sightings(gone) == set()
    # Of the PINs only those of the others, once each.
    assert people_texts(station).read_bytes().count(b"$argon2id$") == len(station.members) - 1
    assert station.sightings([PLACE])
    with station.connect("staff") as staff:
        assert len(staff.call("get_texts", seq=station.rows_entry.seq).texts) == 1
    assert station.daemon.stop() == 0
    assert station.sightings(gone) == set()
    check = subprocess.run([small.TIMEBOXD, "check", str(station.dir)], stdout=subprocess.PIPE)
    assert check.returncode == 0, check.stdout


def station_entry(station, seq):
    with station.connect("auditor") as auditor:
        return entry_pb2.Entry.FromString(auditor.call("get_entries", from_seq=seq, limit=1).entries[0])


def test_the_entry_says_who_when_what_and_why_and_nothing_personal(station):
    receipt = station.erase(ground=ENDED)
    approval = station_entry(station, receipt.seq)
    ref = act_pb2.Act.FromString(approval.act).commands[0].approve.ref
    proposal = act_pb2.Act.FromString(station_entry(station, ref.seq).act)
    erase = proposal.commands[0].erase
    assert (erase.member, erase.scope, erase.ground) == (station.person.id, WHOLE, ENDED)
    assert proposal.actor_key == station.keys["staff"].public
    assert act_pb2.Act.FromString(approval.act).actor_key == station.keys["second"].public
    assert {t.member for t in approval.touched} == {station.person.id}


def test_lists_show_the_erased_and_balances_stay(station):
    with station.connect("staff") as staff:
        before = {m.member: m for m in staff.call("get_report").members}
        station.erase()
        after = {m.member: m for m in staff.call("get_report").members}
        assert set(after) == set(before)
        mine = after[station.person.id]
        assert (mine.number, mine.name, mine.status) == ("", "", types_pb2.MEMBER_STATUS_ERASED)
        assert (mine.minutes, mine.available) == (before[station.person.id].minutes, before[station.person.id].available)
        history = staff.call("get_history", member=station.person.id).lines
        assert [line.command for line in history][:2] == [13, 80]
        # One page at a time: every member once.
        seen, number, member = [], "", 0
        while True:
            page = staff.call("get_report", after_number=number, after_member=member, limit=2)
            seen += [m.member for m in page.members]
            if not page.more:
                break
            number, member = page.members[-1].number, 0 if page.members[-1].number else page.members[-1].member
        assert sorted(seen) == sorted(before)
        with pytest.raises(tc.Refused) as refused:
            staff.call("get_member", number=station.person.number)
        assert refused.value.name == "unknown_member"


def test_nobody_erases_alone_or_what_is_still_needed(station):
    mine, ground = station.person.id, dict(scope=WHOLE, ground=REQUEST)
    with station.connect("staff") as staff, station.connect("second") as second:
        refusal("bad_field", Draft().add("erase", **ground), staff)
        refusal("bad_field", Draft().add("erase", member=mine, scope=WHOLE, ground=INSPECTION), staff)
        refusal("unknown_member", Draft().add("erase", member=12345, **ground), staff)
        refusal("same_person", Draft().add("erase", member=station.workers[0].id, **ground), staff)
        proposal = Draft().add("erase", member=mine, **ground).send(staff)
        refusal("same_person", Draft().add("approve", ref=tc.ref_to(proposal)), staff)
        with station.session(3) as kiosk:
            held = kiosk.hold(small.ITEM)
            refusal("not_confirmed", Draft().add("approve", ref=tc.ref_to(proposal)), second)
            kiosk.ask(kiosk.request(act_pb2.Command(cancel=act_pb2.Cancel(ref=tc.ref_to(held)))))
            Draft().add("approve", ref=tc.ref_to(proposal)).send(second)
            with pytest.raises(tc.Refused) as refused:
                kiosk.hold(small.ITEM)
            assert refused.value.name in ("session_needed", "member_not_active")
        refusal("already_done", Draft().add("erase", member=mine, **ground), staff)
        refusal("erased", Draft().add("pin_slip", member=mine), staff)
        refusal("erased", Draft().add("member_update", member=mine, status=1, **{"class": 1}), staff)
        refusal("erased", Draft().add("card_bind", rpc_pb2.CardText(token="card-again-1"), member=mine), staff)
    with station.connect("kiosk") as kiosk, pytest.raises(tc.Refused) as refused:
        kiosk.login(station.person.number, station.person.pin)
    assert refused.value.name == "wrong_pin"


def test_texts_of_records_alone(station):
    station.erase(RECORDS)
    station.settled()
    with station.connect("staff") as staff:
        assert len(staff.call("get_texts", seq=station.rows_entry.seq).texts) == 1
        me = staff.call("get_member", number=station.person.number)
        assert (me.name, me.status) == (NAME, types_pb2.MEMBER_STATUS_ACTIVE)
    station.erase(DETAILS)
    station.settled()
    assert station.sightings([NAME, PHONE]) == set()


def test_a_beneficiary_s_reference_and_records(station):
    reference = "服务对象甲乙丙丁"
    with station.connect("staff") as staff:
        added = Draft().add("beneficiary_add", reference).send(staff)
        elder = effects(added, "BENEFICIARY_ADDED")[0].id
        draft = Draft()
        row = act_pb2.ServiceRow(line=2, member=station.members[0].id, item=small.SERVICE, day=station.today(staff) - 3,
                                 start_minute=60, end_minute=90, beneficiary=elder)
        row.commitment = draft.commit(rpc_pb2.RecordText(place="梧桐街十号", beneficiary=reference))
        rows = draft.add("service_rows", batch=os.urandom(16), parts=1, rows=[row]).send(staff)
        refusal("bad_field", Draft().add("erase", beneficiary=elder, scope=DETAILS, ground=REQUEST), staff)
    assert station.sightings([reference, "梧桐街十号"])
    receipt = station.erase(WHOLE, beneficiary=elder)
    assert effects(receipt, "ERASED")[0].id == elder
    station.settled()
    assert station.sightings([reference, "梧桐街十号"]) == set()
    with station.connect("staff") as staff:
        assert staff.call("resolve", beneficiaries=[reference]).beneficiaries == [0]
        assert not staff.call("get_texts", seq=rows.seq).texts
        refusal("erased", Draft().add("pair_set", member=station.members[0].id, beneficiary=elder, from_day=15000), staff)


def test_the_same_request_again_gives_the_same_receipt_and_brings_nothing_back(station):
    with station.connect("staff") as staff, station.connect("second") as second:
        number = small.member_number(777)
        request = Draft().add("member_add", small.person(number, "郭某某测试"), joined_day=15000,
                              **{"class": 1}).request(staff)
        added = staff.ask(request).receipt
        proposal = Draft().add("erase", member=added.effects[0].id, scope=WHOLE, ground=REQUEST).send(staff)
        approve = Draft().add("approve", ref=tc.ref_to(proposal)).request(second)
        first = second.ask(approve).receipt
        assert second.ask(approve).receipt == first
        assert staff.ask(request).receipt == added
    station.settled()
    assert station.sightings(["郭某某测试", number]) == set()


# --- after a crash, and from a backup ---

def test_an_erasure_outlives_kill_and_restart(station):
    station.erase()
    station.daemon.kill()
    station.daemon.start()
    station.settled()
    assert station.sightings([NAME, PHONE, station.person.number]) == set()


def timeboxd(*words):
    return subprocess.run([small.TIMEBOXD, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)


def test_an_older_backup_is_restored_without_who_was_erased_since(station, tmp_path):
    old, list_kept = tmp_path / "old", tmp_path / "erasures"
    assert timeboxd("backup", station.dir, "--to", old).returncode == 0
    station.erase()
    list_kept.write_bytes((station.dir / "erasures").read_bytes())
    assert station.daemon.stop() == 0
    into, without = tmp_path / "restored", tmp_path / "without"
    done = timeboxd("restore", old, "--into", into, "--erasures", list_kept)
    assert done.returncode == 0, done.stdout
    assert b"Erased again: 1" in done.stdout
    gone = [NAME, PHONE, station.person.number]
    assert station.sightings(gone, into) == set()
    assert timeboxd("restore", old, "--into", without).returncode == 0
    assert station.sightings(gone, without)
    list_kept.write_text(list_kept.read_text().replace("whole", "details"))
    forged = timeboxd("restore", old, "--into", tmp_path / "forged", "--erasures", list_kept)
    assert forged.returncode != 0 and not (tmp_path / "forged").exists()


# --- openings ---

def leaf_of(station, seq):
    with station.connect("auditor") as auditor:
        return hashlib.sha256(b"\0" + auditor.call("get_entries", from_seq=seq, limit=1).entries[0]).digest()


def test_an_opening_proves_the_text_and_the_person_sees_it(station):
    seq, mine = station.rows_entry.seq, station.person.id
    ref = act_pb2.Ref(seq=seq, leaf=leaf_of(station, seq))
    said = dict(ref=ref, row=0, member=mine, ground=INSPECTION)
    with station.connect("staff") as staff, station.connect("auditor") as auditor:
        assert not staff.call("get_texts", seq=seq).texts[0].key
        refusal("not_allowed", Draft().add("text_open", "检查函三号", **said), auditor)
        refusal("bad_field", Draft().add("text_open", "检查函三号", **dict(said, member=station.members[1].id)), staff)
        refusal("bad_field", Draft().add("text_open", "检查函三号", **dict(said, ground=REQUEST)), staff)
        wrong = act_pb2.Ref(seq=seq, leaf=bytes(31) + b"\1")
        refusal("wrong_leaf", Draft().add("text_open", "检查函三号", **dict(said, ref=wrong)), staff)
        opened = Draft().add("text_open", "检查函三号", **said).send(staff)
        answer = staff.call("get_opening", seq=opened.seq)
        row = act_pb2.Act.FromString(entry_pb2.Entry.FromString(answer.entry).act).commands[0].service_rows.rows[0]
        assert hmac.new(answer.key, answer.text, hashlib.sha256).digest() == row.commitment
        assert rpc_pb2.RecordText.FromString(answer.text).place == PLACE
        assert rpc_pb2.NameText.FromString(answer.reference).name == "检查函三号"
        assert hashlib.sha256(b"\0" + answer.entry).digest() == ref.leaf
    with station.session(3) as kiosk:
        assert kiosk.call("get_history").lines[0].command == 81
    station.erase(RECORDS)
    with station.connect("staff") as staff:
        refusal("erased", Draft().add("text_open", "检查函四号", **said), staff)


# --- findings ---

def test_a_finding_by_the_auditor_is_listed_and_to_be_done(station):
    seq = station.rows_entry.seq
    ref = act_pb2.Ref(seq=seq, index=0, leaf=leaf_of(station, seq))
    with station.connect("staff") as staff, station.connect("auditor") as auditor:
        for name in ("staff", "second"):  # who recorded, who attested
            with station.connect(name) as hand:
                refusal("same_person", Draft().add("audit_finding", ref=ref, outcome=FOUND), hand)
        refusal("not_found", Draft().add("audit_finding", ref=act_pb2.Ref(seq=seq, index=9, leaf=ref.leaf),
                                         outcome=FOUND), auditor)
        Draft().add("audit_finding", ref=ref, outcome=MISSING, digest=bytes(31) + b"\7").send(auditor)
        (finding,) = auditor.call("get_findings").findings
        assert (finding.outcome, finding.record.seq, finding.record.member) == (MISSING, seq, station.person.id)
        assert finding.key == station.keys["auditor"].public
        todo = [line for line in staff.call("get_todo").lines if line.todo == 12]
        assert [(line.seq, line.index) for line in todo] == [(seq, 0)]
        Draft().add("audit_finding", ref=ref, outcome=FOUND).send(auditor)
        assert not [line for line in staff.call("get_todo").lines if line.todo == 12]
