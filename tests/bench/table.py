"""Rows, their medians, the table on stdout and build/bench.json."""
import json
import statistics


def median(values):
    return statistics.median(values)


def spread(values, digits=0):
    """Median and, of several, their range."""
    text = "{:,.{d}f}".format(median(values), d=digits)
    if len(values) > 1:
        text += " ({:,.{d}f}–{:,.{d}f})".format(min(values), max(values), d=digits)
    return text


class Table:
    """`rows` as in build/bench.json; what could not be measured is in `left_out` with the reason."""

    def __init__(self):
        self.rows, self.left_out, self.beside = [], [], []

    def ratio(self, name, unit, ours, theirs, peer, bar, op=">="):
        """The median of each round's ratio against a bar."""
        if not ours or not theirs:
            return self.leave_out(name, "%s was not measured" % peer)
        ratios = [a / b for a, b in zip(ours, theirs)]
        self.put(name, unit, ours, peer, theirs, ratios, bar, op, median(ratios))

    def value(self, name, unit, ours, bar, op, theirs=None, peer=None):
        """The median itself against a bar; `theirs` is only shown."""
        if not ours:
            return self.leave_out(name, "it was not measured")
        ratios = [a / b for a, b in zip(ours, theirs)] if theirs else []
        self.put(name, unit, ours, peer, theirs, ratios, bar, op, median(ours))

    def put(self, name, unit, ours, peer, theirs, ratios, bar, op, judged):
        self.rows.append({
            "name": name, "value": round(median(ours), 3), "unit": unit,
            "against": {"name": peer, "value": round(median(theirs), 3)} if theirs else None,
            "ratio": round(median(ratios), 3) if ratios else None, "bar": round(bar, 3), "op": op,
            "ok": judged >= bar if op == ">=" else judged <= bar,
            "rounds": [round(v, 3) for v in ours], "ratio_rounds": [round(v, 3) for v in ratios]})

    def leave_out(self, name, why):
        self.left_out.append((name, why))

    def note(self, name, text):
        """Reported beside the bars."""
        self.beside.append((name, text))

    def show(self):
        print("\n%-4s %-46s %-30s %-36s %-22s %s" % ("", "what", "ours", "against", "ratio", "bar"))
        for row in self.rows:
            digits = 0 if row["value"] >= 1000 else 2
            against = "%s %s" % (row["against"]["name"], "{:,.0f}".format(row["against"]["value"])) if row["against"] else ""
            ratio = spread(row["ratio_rounds"], 2) if row["ratio_rounds"] else ""
            print("%-4s %-46s %-30s %-36s %-22s %s %s" % (
                "ok" if row["ok"] else "NO", row["name"], spread(row["rounds"], digits) + " " + row["unit"], against, ratio,
                row["op"], "{:,.6g}".format(row["bar"])))
        for name, text in self.beside:
            print("     %-46s %s" % (name, text))
        for name, why in self.left_out:
            print("--   %-46s left out: %s" % (name, why))
        print("%d bars held, %d not, %d left out" % (
            sum(r["ok"] for r in self.rows), sum(not r["ok"] for r in self.rows), len(self.left_out)))

    def write(self, path, **about):
        document = dict(about, rows=self.rows, beside=dict(self.beside), left_out=dict(self.left_out))
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
