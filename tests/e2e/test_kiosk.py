"""The kiosk's screens, driven by keys in a terminal (tmux) as a volunteer would."""
import re
import shlex
import shutil
import subprocess
import time
import unicodedata

import pytest

from redeem_station import POINTS, RedeemStation
from small_station import ITEM, TIMEBOX

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

IDLE, MOTTO = "请输入志愿者编号", "积分是感谢,不是报酬;时长永远是您的。"
CODE = re.compile(r"兑换码:([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}-[0-9A-Z])")


class Terminal:
    """A terminal of 80 x 24 in which the kiosk runs."""

    def __init__(self, folder, command):
        self.socket = str(folder / "tmux")
        folder.mkdir(parents=True, exist_ok=True)
        self.tmux("-u", "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24",
                  "env LC_ALL=C.UTF-8 " + shlex.join(command) + "; echo ended $?; sleep 600")

    def tmux(self, *args):
        done = subprocess.run(["tmux", "-S", self.socket, *args], capture_output=True, text=True, timeout=20)
        return done.stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def wait(self, *texts, timeout=20):
        """The screen once it shows one of the texts."""
        until = time.monotonic() + timeout
        while True:
            screen = self.screen()
            if any(text in screen for text in texts):
                return screen
            assert time.monotonic() < until, "no %s in:\n%s" % (texts, screen)
            time.sleep(0.05)

    def close(self):
        self.tmux("kill-server")


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    made = RedeemStation(tmp_path_factory.mktemp("kiosk"), members=6)
    yield made
    made.close()


@pytest.fixture
def kiosk(station, tmp_path):
    """Starts a kiosk; what it is called with is extra arguments."""
    terminals = []

    def start(*args):
        command = [TIMEBOX, "--home", str(station.home("kiosk")), "kiosk", *args]
        terminals.append(Terminal(tmp_path / ("t%d" % len(terminals)), command))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


def log_in(terminal, someone):
    terminal.wait(IDLE)
    terminal.keys(someone.number, "Enter")
    terminal.wait("请输入密码")
    terminal.keys(someone.pin, "Enter")
    return terminal.wait("您好")


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def redeem(terminal, item_line):
    """From home to what comes of redeeming one of the item on that line."""
    terminal.keys("1")
    screen = terminal.wait(item_line)
    key = next(line for line in screen.splitlines() if item_line in line).split()[0]
    terminal.keys(key)
    if "要兑换几件" in terminal.wait("要兑换几件", "确定兑换吗"):
        terminal.keys("1")
    terminal.wait("确定兑换吗")
    terminal.keys("1")


def voucher_on(terminal):
    return CODE.search(terminal.wait("兑换码:")).group(1)


def test_a_volunteer_logs_in_redeems_and_logs_out(station, kiosk):
    someone, terminal = station.members[0], kiosk()
    home = log_in(terminal, someone)
    assert "%d 分" % POINTS in home and "16小时" in home and MOTTO in home
    assert someone.name not in home, "only the first character of the name is shown"
    redeem(terminal, "大米")
    code = voucher_on(terminal)
    screen = terminal.screen()
    assert "█▀▀▀▀▀█" in screen and "便民超市" in screen, "the QR code and where to go"
    assert station.points(0) == (POINTS - 2, 2)
    terminal.keys("x")
    assert "%d 分" % (POINTS - 2) in terminal.wait("待领取的兑换码:1 张")
    terminal.keys("0")
    terminal.wait("谢谢您")
    after = terminal.wait(IDLE)
    assert someone.number not in after and code not in after and "测" not in after
    assert station.timebox("outlet", "redeem", "confirm", code)["item"] == ITEM


def test_a_voucher_is_shown_again_and_cancelled(station, kiosk):
    terminal = kiosk()
    log_in(terminal, station.members[1])
    redeem(terminal, "大米")
    code = voucher_on(terminal)
    terminal.keys("x")
    terminal.wait("待领取的兑换码")
    terminal.keys("2")
    terminal.wait(code)
    terminal.keys("1")
    terminal.wait("取消这张兑换码")
    terminal.keys("1")
    terminal.wait("确定取消吗")
    terminal.keys("1")
    terminal.wait("积分已退回")
    terminal.keys("x")
    terminal.wait("您好")
    assert station.points(1) == (POINTS, 0)
    terminal.keys("5")
    records = terminal.wait("取消兑换")
    assert "兑换预留" in records and "时长入账" in records and "+16小时" in records


def test_nobody_there_is_asked_and_then_logged_out(station, kiosk):
    terminal = kiosk("--idle", "12")
    log_in(terminal, station.members[2])
    terminal.wait("还在吗?", timeout=12)
    terminal.keys("9")
    time.sleep(0.5)
    assert "还在吗?" not in terminal.wait("您好"), "any key: still there"
    terminal.wait("还在吗?", timeout=12)
    idle = terminal.wait(IDLE, timeout=12)
    assert station.members[2].number not in idle and "您好" not in idle
    # The session is over: the same keys lead nowhere.
    terminal.keys("1")
    assert "兑换礼遇" not in terminal.wait(IDLE)


def test_a_wrong_pin_is_told_and_the_pin_never_shows(station, kiosk):
    terminal = kiosk()
    terminal.wait(IDLE)
    terminal.keys(station.members[3].number, "Enter")
    terminal.wait("请输入密码")
    terminal.keys("60x48")  # letters are not taken
    time.sleep(0.3)
    screen = terminal.screen()
    assert "****" in screen and "*****" not in screen and "6048" not in screen
    terminal.keys("17", "Enter")
    terminal.wait("编号或密码不对")
    terminal.keys("x")
    terminal.wait(IDLE)


def test_a_first_pin_is_set_with_a_slip(station, kiosk):
    someone, terminal = station.members[4], kiosk()
    slip = station.timebox("staff", "member", "pin", someone.number)["slip"]
    someone.pin = "739182"
    terminal.wait(IDLE)
    terminal.keys("*")
    for text, typed in (("志愿者编号", someone.number), ("密码单上的代码", slip.lower()),
                        ("新密码", someone.pin), ("再输入一次", someone.pin)):
        terminal.wait(text)
        terminal.keys(typed, "Enter")
        time.sleep(0.3)
    terminal.wait("密码已设置好")
    terminal.keys("x")
    home = log_in(terminal, someone)
    assert "如非本人办理,请联系社工" in home, "a reset is told at the next session"
    redeem(terminal, "大米")
    terminal.wait("请社工当面确认")


def test_every_screen_fits_80_columns_and_says_what_the_keys_do(station, kiosk):
    terminal = kiosk()
    screens = [terminal.wait(IDLE), log_in(terminal, station.members[5])]
    for key, text in (("1", "请选择"), ("0", "您好"), ("3", "活动"), ("0", "您好"), ("4", "签退"),
                      ("0", "您好"), ("5", "我的记录"), ("0", "您好")):
        terminal.keys(key)
        screens.append(terminal.wait(text))
        time.sleep(0.2)
    for screen in screens:
        lines = screen.rstrip("\n").split("\n")
        assert len(lines) <= 24 and max(map(width, lines)) <= 80
        assert "键" in lines[-1] or ":" in lines[-1], "what the keys do"
        assert not any(word in screen for word in ("\u94f6\u884c", "\u8d27\u5e01", "\u8d2d\u4e70"))


def start_at(daemon, address):
    """On the port that it had, which the kiosk knows."""
    listen = daemon.listen
    daemon.listen = address
    try:
        daemon.start()
    finally:
        daemon.listen = listen


def test_a_daemon_that_goes_away_is_waited_for_calmly(station, kiosk):
    terminal = kiosk()
    terminal.wait(IDLE)
    address = station.daemon.address
    assert station.daemon.stop() == 0
    try:
        terminal.keys(station.members[5].number, "Enter")
        terminal.wait("请输入密码")
        terminal.keys(station.members[5].pin, "Enter")
        assert "您的时长和积分都好好的" in terminal.wait("请重新登录", timeout=40)
        terminal.keys("x")
        assert "暂时连不上服务" in terminal.wait("马上重试", timeout=40)
    finally:
        start_at(station.daemon, address)
    log_in(terminal, station.members[5])


def test_the_words_are_english_on_request(station, kiosk):
    terminal = kiosk("--lang", "en")
    assert "Type your 8-digit number" in terminal.wait("Time Treasure Box")


def test_ctrl_c_ends_it_on_the_idle_screen_only(station, kiosk):
    terminal = kiosk()
    log_in(terminal, station.members[5])
    terminal.keys("C-c")
    time.sleep(0.5)
    assert "您好" in terminal.screen()
    terminal.keys("0")
    terminal.wait(IDLE)
    terminal.keys("C-c")
    terminal.wait("ended 0")


def test_a_card_stands_for_the_number_and_its_token_never_shows(station, kiosk):
    token, terminal = "04A1B2C3D4E5F6", kiosk()
    (station.folder / "card").write_text(token + "\n")
    station.lines("staff", "member", "card", "bind", station.members[5].number, "--card-file",
                  station.folder / "card")
    terminal.wait(IDLE)
    terminal.keys(token)
    time.sleep(0.3)
    screen = terminal.screen()
    assert token not in screen and "*" * len(token) in screen
    terminal.keys("Enter")
    terminal.wait("请输入密码")
    terminal.keys(station.members[5].pin, "Enter")
    terminal.wait("您好")
    station.lines("staff", "member", "card", "block", station.members[5].number)
    terminal.keys("0")
    terminal.wait(IDLE)
    terminal.keys(token, "Enter")
    terminal.wait("请输入密码")
    terminal.keys(station.members[5].pin, "Enter")
    terminal.wait("编号或密码不对")
