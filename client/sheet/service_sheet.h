/*
 * services.csv: service records, with the checks that need nothing but the sheet and a calendar.
 *
 * Columns: 活动名称 项目编码 服务日期 开始时间 结束时间 地点 社区 志愿者编号 服务对象编号 负责人
 * 记录单位 方式.
 *
 * The checks, in order; the first that fails is the verdict:
 *   bad_row         not 12 columns
 *   missing_field   any column but 服务对象编号 is empty
 *   bad_date        not a date of the calendar, or after `today`
 *   bad_time        not a time; the start may be 00:00 to 23:59, the end 00:00 to 24:00
 *   bad_provenance  neither 打卡 nor 补录
 *   bad_field       a text is too long for its place or holds control characters
 *   unknown_member  not a member number at all: 8 digits of which the last is the check digit
 * Whatever needs the station's members, catalogue or earlier records (unknown_member again,
 * unknown_item … overlap) is left to others, for whom a row that passed here is RESULT_OK.
 */
#ifndef TIMEBOX_CLIENT_SHEET_SERVICE_SHEET_H
#define TIMEBOX_CLIENT_SHEET_SERVICE_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "client/sheet/field.h"
#include "client/sheet/sheet.h"
#include "proto/codes.h"

struct service_row {
	size_t line;
	enum result verdict;
	const char *field;     /* the failed column's word in the head; NULL: none, or the row */
	int32_t day;	       /* since 1970-01-01 */
	uint16_t start_minute; /* 0 to 1439 */
	uint16_t end_minute;   /* 0 to 1440; not compared with the start here */
	int measured;	       /* 1: 打卡, 0: 补录 */
	char member[16];       /* a valid number, of a member or of nobody */
	char item[16];	       /* upper case; "": cannot be a code, so unknown_item in its turn */
	char area[128];	       /* the community, after NFKC */
	char place[128];
	char beneficiary[32]; /* after NFKC; "" when none is given */
	char activity[192];   /* may hold line ends */
	char responsible[64];
	char unit[128];
};

/*
 * Check the head and judge every row that is not an empty line, in file order. `today` is the
 * station's day; it counts as not in the future. RESULT_OK: *rows has *n elements and is the
 * caller's, freed with free(). RESULT_BAD_FIELD: the head is wrong, and err (err_size > 0) says
 * which column was expected where. RESULT_NO_MEMORY. Of a row whose verdict is not OK only
 * line, verdict and field are to be used.
 */
enum result service_sheet_judge(const struct sheet *s, int32_t today, struct service_row **rows,
    size_t *n, char *err, size_t err_size) MUST_CHECK;

#endif
