/*
 * Every word of the kiosk, X(NAME, Chinese, English). Not through gettext: the kiosk speaks Chinese
 * whatever the machine's locale is, and a kiosk without its catalogue file must not speak English.
 */
#ifndef TIMEBOX_CLIENT_KIOSK_TEXTS_H
#define TIMEBOX_CLIENT_KIOSK_TEXTS_H

#define KIOSK_TEXTS(X)                                                                                 \
	X(TITLE, "时 间 宝 盒", "Time Treasure Box")                                                   \
	X(MOTTO, "积分是感谢,不是报酬;时长永远是您的。",                                              \
		"Points are thanks, not pay; your hours stay yours for ever.")                         \
	/* keys */                                                                                     \
	X(KEYS_IDLE, "数字键:输入编号   退格键:改正   回车键:继续   * 键:首次设置密码",               \
		"Digits: your number   Backspace: correct   Enter: go on   *: set a first PIN")        \
	X(KEYS_ASK, "输入后按回车键:继续   退格键:改正   空着按回车键:返回",                          \
		"Enter: go on   Backspace: correct   Enter with nothing typed: back")                  \
	X(KEYS_HOME, "按数字键 1 到 5 选择   0:退出", "Press 1 to 5 to choose   0: log out")           \
	X(KEYS_LIST, "按数字键选择   9:下一页   0:返回", "Press a digit to choose   9: next page   0: back") \
	X(KEYS_PAGE, "9:下一页   0:返回", "9: next page   0: back")                                    \
	X(KEYS_YES, "1:确认   0:返回", "1: yes   0: back")                                             \
	X(KEYS_COUNT, "按数字键选择件数   0:返回", "Press the number of pieces   0: back")              \
	X(KEYS_VOUCHER, "1:取消这张兑换码   0:返回", "1: cancel this voucher   0: back")               \
	X(KEYS_ANY, "按任意键继续", "Press any key to go on")                                          \
	X(KEYS_RETRY, "按任意键:马上重试", "Any key: try again now")                                   \
	/* idle and log-in */                                                                          \
	X(IDLE_ASK, "请输入志愿者编号(8位数字),或者刷卡", "Type your 8-digit number, or use your card") \
	X(IDLE_NUMBER, "编号:", "Number: ")                                                            \
	X(IDLE_NEW, "第一次来?请找社工领取密码单,再按 * 键设置密码。",                                 \
		"Here for the first time? Ask a social worker for a PIN slip, then press *.")          \
	X(BAD_NUMBER, "编号是8位数字,请核对后再输入。", "A number has 8 digits: please look again.")   \
	X(PIN_ASK, "请输入密码", "Type your PIN")                                           \
	X(PIN_LABEL, "密码:", "PIN: ")                                                                 \
	X(WAIT_SECONDS, "请等 %u 秒后再试。", "Please wait %u seconds before the next try.")           \
	X(ONE_MOMENT, "请稍候……", "One moment ...")                                                    \
	X(THERE, "还在吗?", "Are you still there?")                                                    \
	X(THERE_SECONDS, "%u 秒后自动退出。按任意键继续。",                                            \
		"Logging out in %u s. Press any key to go on.")                                        \
	X(LOGGED_OUT, "已退出,谢谢您!", "Logged out. Thank you!")                                     \
	/* setting a PIN */                                                                            \
	X(SET_PIN, "设置密码", "Set your PIN")                                                         \
	X(SET_NUMBER, "请输入志愿者编号(8位数字)", "Type your 8-digit number")                         \
	X(SET_SLIP, "请输入密码单上的代码(字母和数字,横线可不输)",                                     \
		"Type the code on the PIN slip (dashes may be left out)")                              \
	X(SLIP_LABEL, "代码:", "Code: ")                                                               \
	X(SET_NEW, "请想一个6位数字的新密码,不要太简单", "Choose a PIN, best of 6 digits, not too simple")   \
	X(SET_AGAIN, "请把新密码再输入一次", "Type the new PIN once more")                             \
	X(SET_DIFFER, "两次输入的密码不一样,请重新设置。", "The two PINs differ: please start again.") \
	X(SET_DONE, "密码已设置好,请记牢,不要告诉别人。",                                              \
		"Your PIN is set. Remember it, and tell nobody.")                                      \
	/* home */                                                                                     \
	X(HELLO, "%s,您好!", "Welcome, %s")                                                           \
	X(HOURS, "服务时长", "Hours given")                                                            \
	X(POINTS, "积分", "Points")                                                                    \
	X(POINTS_HELD, "%llu 分(另有 %llu 分已为您预留)", "%llu (and %llu set aside for you)")        \
	X(POINTS_FREE, "%llu 分", "%llu")                                                              \
	X(CARRY, "还差 %u 分钟得 %u 积分", "%u more minutes give %u point(s)")                         \
	X(DEBT, "待补积分 %llu 分,以后得到的积分先补上", "%llu points are owed and come first")        \
	X(VOUCHERS_HELD, "待领取的兑换码:%u 张", "Vouchers to collect: %u")                            \
	X(MESSAGE_RESET, "您的密码于 %s 重置过。如非本人办理,请联系社工。",                            \
		"Your PIN was reset on %s. If that was not you, tell a social worker.")                \
	X(MESSAGE_USE_BY, "%s 请在 %s 前领取(含当天)", "%s: collect it by %s (that day included)")     \
	X(MESSAGE_SESSION, "您已签到(%s 起),离开时请签退。", "You are checked in since %s.")           \
	X(MENU_REDEEM, "1  兑换礼遇", "1  Redeem")                                                     \
	X(MENU_VOUCHERS, "2  我的兑换码 / 取消", "2  My vouchers / cancel")                            \
	X(MENU_CHECK_IN, "3  签到", "3  Check in")                                                     \
	X(MENU_CHECK_OUT, "4  签退", "4  Check out")                                                   \
	X(MENU_RECORDS, "5  我的记录", "5  My records")                                                \
	X(MENU_EXIT, "0  退出", "0  Log out")                                                          \
	/* redeeming */                                                                                \
	X(REDEEM, "兑换礼遇", "Redeem")                                                                \
	X(REDEEM_HAVE, "您现有 %llu 积分,请选择", "You have %llu points: please choose")              \
	X(PAGE, "第 %zu 页,共 %zu 页", "Page %zu of %zu")                                              \
	X(ITEM_POINTS, "%u 积分", "%u points")                                                         \
	X(ITEM_QUOTA, "每月限 %u 件", "%u a month")                                                    \
	X(ITEM_YES, "可以兑换", "available")                                                           \
	X(ITEM_SHORT, "还差 %llu 积分", "%llu more points")                                            \
	X(ITEM_NONE, "暂时没有货", "none left now")                                                    \
	X(ITEM_LIST_EMPTY, "现在没有可以兑换的项目。", "There is nothing to redeem at present.")       \
	X(OUTLET, "请选择领取的地方", "Where will you collect it?")                                    \
	X(OUTLET_FREE, "还有 %llu 件", "%llu left")                                                    \
	X(COUNT, "要兑换几件?(1 到 %u)", "How many? (1 to %u)")                                        \
	X(CONFIRM, "请核对", "Please look at it again")                                                \
	X(CONFIRM_ITEM, "兑换项目:%s × %u", "Item: %s × %u")                                           \
	X(CONFIRM_POINTS, "用去积分:%llu 分,剩下 %llu 分", "Points: %llu, leaving %llu")               \
	X(CONFIRM_OUTLET, "领取地点:%s", "Collect at: %s")                                             \
	X(CONFIRM_HOURS, "您的服务时长不会减少。", "Your hours stay as they are.")                     \
	X(CONFIRM_ASK, "确定兑换吗?", "Redeem it?")                                                    \
	X(VOUCHER, "您的兑换码", "Your voucher")                                                       \
	X(VOUCHER_CODE, "兑换码:%s", "Voucher: %s")                                                    \
	X(VOUCHER_WHAT, "%s × %u   领取地点:%s", "%s × %u   collect at: %s")                           \
	X(VOUCHER_UNTIL, "请在 %s 前领取(含当天)。可拍照或抄下,也可请人代领。",                        \
		"Good until %s, that day included. Photograph or copy it; others may collect.")        \
	X(VOUCHER_RECEIPT, "凭据号:%s(抄下或拍照,可用来核对账本)",                                       \
		"Receipt: %s (keep it: it checks the ledger)")                                         \
	/* vouchers */                                                                                 \
	X(VOUCHERS, "我的兑换码", "My vouchers")                                                       \
	X(VOUCHERS_NONE, "没有待领取的兑换码。", "No vouchers to collect.")                            \
	X(CANCEL_ASK, "确定取消吗?积分会退回给您。", "Cancel it? The points come back to you.")        \
	X(CANCEL_DONE, "已取消,积分已退回。", "Cancelled: the points are back.")                       \
	/* check-in and check-out */                                                                   \
	X(CHECK_IN, "签到:请选择活动", "Check in: choose an activity")                                 \
	X(CHECK_IN_NONE, "现在没有可以签到的活动。", "There is no activity to check in to now.")       \
	X(CHECK_IN_VISIT, "去老人家里探访,请打电话给社工站签到。",                                     \
		"For a visit, check in by calling the station.")                                       \
	X(CHECK_IN_DONE, "签到成功。最晚到 %s 自动签退。", "Checked in, until %s at the latest.")      \
	X(CHECK_OUT, "签退", "Check out")                                                              \
	X(CHECK_OUT_ASK, "现在签退吗?", "Check out now?")                                              \
	X(CHECK_OUT_SINCE, "您从 %s 开始服务。", "You are checked in since %s.")                       \
	X(CHECK_OUT_NONE, "您还没有签到。", "You are not checked in.")                                 \
	X(CHECK_OUT_DONE, "签退成功,本次服务 %s,等待认定。", "Checked out: %s, to be attested.")      \
	/* records */                                                                                  \
	X(RECORDS, "我的记录(最近的在前)", "My records, newest first")                                 \
	X(RECORDS_NONE, "还没有记录。", "No records yet.")                                             \
	X(RECORDS_MORE, "没有更多记录了。", "There are no more records.")                              \
	X(DID_SERVICE, "服务记录", "service")                                                          \
	X(DID_HOLD, "兑换预留", "set aside")                                                           \
	X(DID_CONFIRM, "兑换领取", "collected")                                                        \
	X(DID_CANCEL, "取消兑换", "cancelled")                                                         \
	X(DID_RELEASE, "过期退回", "lapsed, given back")                                               \
	X(DID_REVERSE, "更正退回", "corrected")                                                        \
	X(DID_LATE, "补记领取", "late delivery")                                                       \
	X(DID_GIFT, "积分赠送", "gift")                                                                \
	X(DID_CHECK_IN, "签到", "check-in")                                                            \
	X(DID_CHECK_OUT, "签退", "check-out")                                                          \
	X(DID_CREDIT, "时长入账", "hours credited")                                                    \
	X(DID_ERASE, "个人信息删除", "data erased")                                                    \
	X(DID_OPEN, "私密内容被调阅", "private text opened")                                           \
	X(DID_FINDING, "审计抽查", "audit looked at it")                                               \
	X(DID_PIN, "密码单", "PIN slip")                                                               \
	X(DID_OTHER, "资料变动", "other change")                                                       \
	/* what goes wrong */                                                                          \
	X(LOST, "暂时连不上服务,正在重试,请稍候。", "No connection at the moment: trying again.")      \
	X(LOST_CALM, "您的时长和积分都好好的,不受影响。", "Your hours and points are safe.")           \
	X(SESSION_LOST, "连接中断,请重新登录。已办好的不会重复办理。",                                 \
		"The connection was lost: log in again. Nothing is ever done twice.")                  \
	X(UNKNOWN, "结果暂时不明,请稍后看“我的兑换码”,或问社工。",                                     \
		"The outcome is not known yet: look at your vouchers later, or ask.")                  \
	X(SECOND_PERSON, "密码刚重置过,请社工当面确认后再兑换。",                                      \
		"Your PIN was reset: a social worker has to be with you first.")                       \
	X(SMALL, "屏幕太小,至少要 80 × 24。", "The screen is too small: 80 x 24 at least.")

enum kiosk_text {
#define X(NAME, zh, en) TEXT_##NAME,
	KIOSK_TEXTS(X)
#undef X
	    TEXT_LAST
};

#endif
