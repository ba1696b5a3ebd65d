/* What the kiosk concludes from the daemon's answers, without a daemon and without a screen. */
#include "client/kiosk/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/kiosk/draw.h"

/* A desk that has learnt of one item at two outlets and of a member with so many points. */
struct learnt {
	struct desk desk;
	Timebox__V1__Response catalogue_answer, member_answer;
	Timebox__V1__Catalogue catalogue;
	Timebox__V1__Member member;
	Timebox__V1__Item item, *items[1];
	Timebox__V1__OutletStock stock[2], *outlets[2];
	Timebox__V1__Carry carry[2], *carries[2];
};

static void
learn(struct learnt *l, uint64_t available, uint32_t points, uint64_t free_first, uint64_t free_second)
{
	memset(l, 0, sizeof(*l));
	timebox__v1__response__init(&l->catalogue_answer);
	timebox__v1__response__init(&l->member_answer);
	timebox__v1__catalogue__init(&l->catalogue);
	timebox__v1__member__init(&l->member);
	timebox__v1__item__init(&l->item);
	for (size_t i = 0; i < 2; i++) {
		timebox__v1__outlet_stock__init(&l->stock[i]);
		timebox__v1__carry__init(&l->carry[i]);
		l->outlets[i] = &l->stock[i];
		l->carries[i] = &l->carry[i];
	}
	l->stock[0].free = free_first;
	l->stock[1].free = free_second;
	l->item.points = points;
	l->item.n_outlets = 2;
	l->item.outlets = l->outlets;
	l->items[0] = &l->item;
	l->catalogue.n_items = 1;
	l->catalogue.items = l->items;
	l->member.available = available;
	l->catalogue_answer.catalogue = &l->catalogue;
	l->member_answer.member = &l->member;
	l->desk.catalogue = &l->catalogue_answer;
	l->desk.member = &l->member_answer;
}

static void
an_offer_counts_what_points_stock_and_quota_allow(void **state)
{
	struct learnt l;
	struct desk_offer o;

	(void)state;
	learn(&l, 50, 12, 3, 9);
	desk_offer(&l.desk, 0, &o);
	assert_int_equal(o.missing, 0);
	assert_int_equal(o.n_outlets, 2);
	assert_int_equal(o.most, 4);
	l.item.quota = 2;
	desk_offer(&l.desk, 0, &o);
	assert_int_equal(o.most, 2);
	learn(&l, 500, 12, 3, 9);
	desk_offer(&l.desk, 0, &o);
	assert_int_equal(o.most, 9);
}

static void
an_offer_names_what_is_missing(void **state)
{
	struct learnt l;
	struct desk_offer o;

	(void)state;
	learn(&l, 5, 12, 0, 1);
	desk_offer(&l.desk, 0, &o);
	assert_int_equal(o.missing, 7);
	assert_int_equal(o.most, 0);
	assert_int_equal(o.n_outlets, 1);
	assert_ptr_equal(o.outlets[0], &l.stock[1]);
	learn(&l, 50, 12, 0, 0);
	desk_offer(&l.desk, 0, &o);
	assert_int_equal(o.n_outlets, 0);
	assert_int_equal(o.most, 0);
}

static void
the_rate_that_is_nearest_to_a_point_is_named(void **state)
{
	uint32_t points = 0;
	struct learnt l;

	(void)state;
	learn(&l, 0, 1, 0, 0);
	assert_int_equal(desk_minutes_missing(&l.desk, &points), 0);
	l.carry[0].ratio_minutes = 60;
	l.carry[0].ratio_points = 1;
	l.carry[0].minutes = 45;
	l.carry[1].ratio_minutes = 30;
	l.carry[1].ratio_points = 2;
	l.carry[1].minutes = 20;
	l.member.n_carries = 2;
	l.member.carries = l.carries;
	assert_int_equal(desk_minutes_missing(&l.desk, &points), 10);
	assert_int_equal(points, 2);
}

static void
text_is_cut_by_columns_not_bytes(void **state)
{
	char out[64];

	(void)state;
	draw_cut(out, sizeof(out), "时间宝盒", 5);
	assert_string_equal(out, "时间");
	draw_cut(out, sizeof(out), "a时间", 3);
	assert_string_equal(out, "a时");
	draw_cut(out, 6, "时间宝盒", 80);
	assert_string_equal(out, "时");
	draw_cut(out, sizeof(out), "a\033[2Jb\n", 80);
	assert_string_equal(out, "a[2Jb");
	assert_int_equal(draw_width("时间a"), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offer_counts_what_points_stock_and_quota_allow),
		cmocka_unit_test(an_offer_names_what_is_missing),
		cmocka_unit_test(the_rate_that_is_nearest_to_a_point_is_named),
		cmocka_unit_test(text_is_cut_by_columns_not_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
