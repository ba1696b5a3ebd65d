/*
 * The one list of result codes, in both languages.
 *
 * Every fallible call in the daemon and in the clients returns an `enum result`; the same numbers
 * go over the wire (timebox.v1.ResultCode in timebox/v1/codes.proto, kept equal by a unit test) and
 * are stored as verdicts in entries. So a number is never reused and never changes its meaning; new
 * codes are appended inside their group's free numbers.
 *
 * X(NAME, number, name on the wire and in --json, English text, Chinese text)
 */
#ifndef TIMEBOX_PROTO_CODES_H
#define TIMEBOX_PROTO_CODES_H

#define RESULT_CODES(X)                                                                                \
	X(OK, 0, "ok", "done", "完成")                                                                 \
	/* frames and messages */                                                                          \
	X(BAD_FRAME, 1, "bad_frame", "the frame's length is malformed", "数据帧长度有误")              \
	X(FRAME_TOO_LARGE, 2, "frame_too_large", "the frame is larger than this connection may send",  \
	  "数据帧过大")                                                                                \
	X(BAD_MESSAGE, 3, "bad_message", "the message cannot be decoded", "消息无法解析")              \
	X(NOT_CANONICAL, 4, "not_canonical",                                                           \
	  "the bytes are not the canonical encoding of what they say", "字节不是规范编码")             \
	X(TOO_MANY, 5, "too_many", "more elements than one message may hold", "一条消息中的项目过多")  \
	X(NOT_UTF8, 6, "not_utf8", "the text is not valid UTF-8", "文字不是有效的 UTF-8")              \
	/* who asks */                                                                                     \
	X(UNKNOWN_KEY, 10, "unknown_key", "this key is not enrolled here", "此密钥未在本站登记")       \
	X(KEY_REVOKED, 11, "key_revoked", "this key was revoked", "此密钥已停用")                      \
	X(NOT_ALLOWED, 12, "not_allowed", "this role may not do that", "您的角色不能进行此操作")       \
	X(BAD_SIGNATURE, 13, "bad_signature", "the signature does not match the act", "签名不符")      \
	X(SIGNATURE_MISSING, 14, "signature_missing", "this act must be signed", "此操作须签名")       \
	X(WRONG_ORIGIN, 15, "wrong_origin", "the act names another ledger", "此操作属于另一个账本")    \
	X(KEY_NOT_LINKED, 16, "key_not_linked",                                                        \
	  "link this key to its person first (timebox key link), and have a colleague approve it",     \
	  "请先把此密钥关联到本人编号,并由同事批准")                                                  \
	X(SESSION_NEEDED, 17, "session_needed", "log in with number and PIN first", "请先输入编号和密码") \
	X(WRONG_PIN, 18, "wrong_pin", "number or PIN is wrong", "编号或密码不对")                      \
	X(PIN_WAIT, 19, "pin_wait", "too many wrong PINs: wait before the next try",                   \
	  "密码错误次数过多,请稍后再试")                                                              \
	X(PIN_LOCKED, 20, "pin_locked", "locked after many wrong PINs: ask a social worker for a slip", \
	  "密码已锁定,请找社工办理重置")                                                              \
	X(PIN_NOT_SET, 21, "pin_not_set", "no PIN yet: ask a social worker for a slip",                \
	  "尚未设置密码,请找社工领取密码单")                                                          \
	X(BAD_CODE, 22, "bad_code", "this enrolment code is not valid", "登记码无效")                  \
	X(CODE_USED, 23, "code_used", "this code was used or has expired", "此码已使用或已过期")       \
	X(SECOND_PERSON, 24, "second_person_needed", "a second person has to approve this",            \
	  "需要第二人批准")                                                                            \
	X(SAME_PERSON, 25, "same_person", "the same person may not do both", "同一人不能既办理又批准") \
	X(KIN_CONFLICT, 26, "kin_conflict", "kin of that person may not do this", "亲属须回避")        \
	X(WRONG_SLIP, 27, "wrong_slip", "this PIN slip is not valid or was used", "密码单无效或已使用") \
	X(BAD_PIN, 28, "bad_pin", "a PIN is 4 to 8 digits (best 6), not all the same and not a run",                 \
	  "密码须为4至8位数字(建议6位),不能全部相同或连续")                                                       \
	X(WRONG_ACTOR, 29, "wrong_actor", "the act names another key or person than the one asking",   \
	  "操作人与连接身份不符")                                                                      \
	/* request ids */                                                                                  \
	X(ID_REUSED, 30, "id_reused", "this request id was used for something else",                   \
	  "此请求号已用于其他操作")                                                                    \
	X(ID_TAKEN, 31, "id_taken", "this request id belongs to somebody else", "此请求号已被他人使用") \
	X(USE_NEW_ID, 32, "not_accepted_use_new_id",                                                   \
	  "not accepted, and never will be under this request id: ask again with a new id",            \
	  "未受理,请重新发起")                                                                        \
	X(BAD_REQUEST_ID, 33, "bad_request_id", "a request id is a UUIDv7", "请求号格式有误")          \
	/* the daemon itself */                                                                            \
	X(CLOCK_DOUBTFUL, 40, "clock_doubtful",                                                        \
	  "the clock cannot be trusted: check it, then run timeboxd clock accept",                     \
	  "时钟不可信,请核对后运行 timeboxd clock accept")                                            \
	X(UNAVAILABLE, 41, "unavailable_outcome_unknown",                                              \
	  "no answer about this act: ask again with the same request id", "结果未知,请用同一请求号重试") \
	X(DISK_FULL, 42, "disk_full", "the disk is full: nothing is written until there is room",      \
	  "磁盘已满,暂停写入")                                                                        \
	X(BUSY, 43, "busy", "too much is waiting: try again in a moment", "繁忙,请稍后再试")          \
	X(INTERNAL, 44, "internal", "a fault inside the program: please report it", "程序内部错误")    \
	X(IO, 45, "io_error", "reading or writing failed", "读写失败")                                 \
	X(CORRUPT, 46, "corrupt", "stored data does not match its hashes", "存储数据与哈希不符")       \
	X(NO_MEMORY, 47, "no_memory", "not enough memory for this", "内存不足")                        \
	X(TIMEOUT, 48, "timeout", "it took too long", "超时")                                          \
	X(CONNECTION, 49, "connection", "no connection to the daemon", "无法连接服务")                 \
	/* what an act says */                                                                             \
	X(BAD_FIELD, 50, "bad_field", "a field is missing or out of its range", "字段缺失或超出范围")  \
	X(COMMITMENT, 51, "commitment_wrong", "the private text does not match its commitment",        \
	  "私密内容与承诺值不符")                                                                      \
	X(PRIVATE_MISSING, 52, "private_missing", "the private text of this command is missing",       \
	  "缺少私密内容")                                                                              \
	X(NOT_FOUND, 53, "not_found", "there is no such thing here", "未找到")                         \
	X(EXISTS, 54, "already_exists", "it is there already", "已存在")                               \
	X(WRONG_LEAF, 55, "wrong_leaf", "the entry named is not the one in the ledger",                \
	  "所指的账目条目不符")                                                                        \
	X(TOO_MANY_EFFECTS, 56, "too_many_effects", "the effects do not fit one entry: split the act", \
	  "内容过多,请分开办理")                                                                      \
	X(OVERFLOW, 57, "overflow", "a count would leave its range", "数值超出范围")                   \
	X(ALREADY_DONE, 58, "already_done", "that was done before", "此前已办理")                      \
	/* the station */                                                                                  \
	X(NOT_OPEN, 60, "not_open", "the station is not open yet (timebox station open)",              \
	  "站点尚未开放")                                                                              \
	X(NEEDS_LINKS, 61, "needs_both_linked", "both social workers must be linked to their numbers first", \
	  "两位社工须先关联本人编号")                                                                  \
	X(ALREADY_OPEN, 62, "already_open", "the station is open already", "站点已经开放")             \
	X(BEHIND, 63, "ledger_behind",                                                                 \
	  "this ledger is older than one that is known: restore a newer backup, or run timeboxd accept-loss", \
	  "账本旧于已知的检查点,请恢复较新的备份,或运行 timeboxd accept-loss")                       \
	/* verdicts on rows; the names are those of the station's expected files */                        \
	X(BAD_ROW, 70, "bad_row", "the row does not have the right number of columns", "列数不对")     \
	X(MISSING_FIELD, 71, "missing_field", "a field that must be there is empty", "必填项为空")     \
	X(BAD_DATE, 72, "bad_date", "not a date, or in the future", "日期有误或在将来")                \
	X(BAD_TIME, 73, "bad_time", "not a time of day", "时间有误")                                   \
	X(BAD_PROVENANCE, 74, "bad_provenance", "neither 打卡 nor 补录", "方式须为打卡或补录")         \
	X(UNKNOWN_MEMBER, 75, "unknown_member", "no member has this number", "没有此编号的志愿者")     \
	X(UNKNOWN_ITEM, 76, "unknown_item", "no such item in the catalogue", "没有此项目")             \
	X(PAID_STAFF, 77, "paid_staff", "time on duty is not volunteer time", "专职人员在岗时间不计志愿服务") \
	X(END_BEFORE_START, 78, "end_before_start", "it ends before or when it starts", "结束不晚于开始") \
	X(BEFORE_JOINING, 79, "before_joining", "before the member joined", "早于加入日期")            \
	X(OVER_SESSION_CAP, 80, "over_session_cap", "longer than one session may be", "超过单次时长上限") \
	X(TRAINING_MISSING, 81, "training_missing", "the item needs training valid on that day",       \
	  "该项目需要当日有效的培训")                                                                  \
	X(DUPLICATE, 82, "duplicate", "the same record is there already", "重复记录")                  \
	X(OVERLAP, 83, "overlap", "overlaps another record of the same member", "与本人其他记录时间重叠") \
	/* batches and records */                                                                          \
	X(BATCH_INCOMPLETE, 90, "batch_incomplete", "not all parts of the batch are here",             \
	  "批次尚未导入完整")                                                                          \
	X(RATES_CHANGED, 91, "rates_changed", "the rates changed since they were shown: look again",   \
	  "兑换率已变动,请重新核对")                                                                  \
	X(BATCH_STATE, 92, "batch_state", "the batch is not in a state that allows this",              \
	  "批次当前状态不允许此操作")                                                                  \
	X(BATCH_MISMATCH, 93, "batch_mismatch", "the batch is not what the act says it is",            \
	  "批次内容与所述不符")                                                                        \
	X(RECORD_STATE, 94, "record_state", "the record is not in a state that allows this",           \
	  "记录当前状态不允许此操作")                                                                  \
	X(PROVENANCE, 95, "provenance_not_now", "this provenance is not possible now",                 \
	  "当前不允许此记录方式")                                                                      \
	X(SESSION_OPEN, 100, "session_open", "already checked in", "已经签到")                         \
	X(NO_SESSION, 101, "no_session_open", "not checked in", "尚未签到")                            \
	X(NO_PLAN, 102, "no_plan", "there is no activity or pairing for this check-in",                \
	  "没有对应的活动或结对")                                                                      \
	X(NOT_NOW, 103, "not_now", "not at this time", "不在可办理时间内")                             \
	X(TOO_SHORT, 104, "too_short", "less than one minute was measured: nothing is recorded",       \
	  "不足一分钟,不予记录")                                                                      \
	/* redemption */                                                                                   \
	X(INSUFFICIENT, 110, "insufficient_points", "not enough points", "积分不足")                   \
	X(OUT_OF_STOCK, 111, "out_of_stock", "no free stock at the outlet", "暂无存货")                \
	X(QUOTA, 112, "quota_exceeded", "over this month's quota for the item", "超过本月限额")        \
	X(NOT_OFFERED, 114, "not_offered", "this outlet does not offer the item", "该兑换点不提供此项目") \
	X(CONFIRMED, 115, "already_confirmed", "the voucher was confirmed", "兑换码已核销")            \
	X(CANCELLED, 116, "already_cancelled", "the voucher was cancelled", "兑换码已取消")            \
	X(RELEASED, 117, "already_released", "the voucher lapsed", "兑换码已过期释放")                 \
	X(REVERSED, 118, "already_reversed", "the redemption was reversed", "兑换已冲正")              \
	X(WRONG_VOUCHER, 119, "wrong_voucher", "no such voucher", "兑换码无效")                        \
	X(VOUCHER_LIMIT, 120, "voucher_limit", "too many wrong voucher codes: wait",                   \
	  "兑换码错误次数过多,请稍后再试")                                                            \
	X(WRONG_OUTLET, 121, "wrong_outlet", "the voucher is for another outlet", "此兑换码属于其他兑换点") \
	X(OWN_VOUCHER, 123, "own_voucher", "nobody confirms a voucher of their own or of kin",         \
	  "不能核销本人或亲属的兑换码")                                                                \
	X(GIFT_OFF, 124, "gift_off", "gifts of points are switched off", "积分赠送未开启")             \
	X(NOT_ACTIVE, 125, "member_not_active", "the member is not active", "志愿者状态不可用")        \
	X(NOT_CONFIRMED, 126, "not_confirmed", "the voucher is still held, not confirmed",             \
	  "兑换码尚未核销")                                                                            \
	X(NOT_IN_FORCE, 127, "agreement_not_in_force", "the partner's agreement is not in force",      \
	  "合作协议不在有效期内")                                                                      \
	X(NOT_DUE, 128, "not_due", "not due yet", "尚未到期")                                          \
	X(TOO_LATE, 129, "too_late", "the time for this has passed", "已过办理时间")                   \
	X(ERASED, 130, "erased", "it was erased", "已删除")

enum result {
#define X(NAME, number, wire, en, zh) RESULT_##NAME = number,
	RESULT_CODES(X)
#undef X
};

/* Must not be ignored: the compiler warns. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* The wire name of a code ("insufficient_points"), static; "unknown" for a number not in the list. */
const char *result_name(enum result r);
/* The text for people, static, UTF-8. */
const char *result_text_en(enum result r);
const char *result_text_zh(enum result r);
/* 1 if the number is in the list. */
int result_known(unsigned number);

#endif
