/* The permissions of calls: the table is whole, in order, and as narrow as the roles are meant to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/rpc/rpc.h"
#include "timebox/v1/rpc.pb-c.h"

static const struct call_rule *
rule_of(const char *name)
{
	const struct call_rule *rule;

	for (size_t i = 0; (rule = rpc_call_rule(i)) != NULL; i++)
		if (strcmp(rule->name, name) == 0)
			return rule;
	fail_msg("no rule for %s", name);
	return NULL;
}

static void
each_kind_of_call_has_one_row_named_as_in_the_schema(void **state)
{
	const ProtobufCMessageDescriptor *desc = &timebox__v1__call__descriptor;

	(void)state;
	for (unsigned i = 0; i < desc->n_fields; i++) {
		const struct call_rule *rule = rpc_call_rule(i);

		assert_non_null(rule);
		assert_int_equal(rule->kind, desc->fields[i].id);
		assert_string_equal(rule->name, desc->fields[i].name);
	}
	assert_null(rpc_call_rule(desc->n_fields));
}

static void
nobody_calls_without_a_key_and_the_daemon_itself_never(void **state)
{
	const struct call_rule *rule;

	(void)state;
	for (size_t i = 0; (rule = rpc_call_rule(i)) != NULL; i++)
		assert_int_equal(rule->roles & (ROLE_BIT(ROLE_NONE) | ROLE_BIT(ROLE_OPERATOR) |
						ROLE_BIT(ROLE_SYSTEM)),
				 0);
}

static void
staff_asks_everything_but_logs_in_nowhere(void **state)
{
	const struct call_rule *rule;

	(void)state;
	for (size_t i = 0; (rule = rpc_call_rule(i)) != NULL; i++) {
		int pins = strcmp(rule->name, "login") == 0 || strcmp(rule->name, "logout") == 0 ||
			   strcmp(rule->name, "set_pin") == 0;

		assert_int_equal((rule->roles & ROLE_BIT(ROLE_STAFF)) != 0, !pins);
	}
}

static void
an_outlet_learns_nothing_of_members(void **state)
{
	static const char *const closed[] = { "get_member", "get_history", "get_holds", "get_report",
					      "get_entries", "get_keys", "get_texts", "get_todo" };

	(void)state;
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
		assert_int_equal(rule_of(closed[i])->roles & ROLE_BIT(ROLE_OUTLET), 0);
}

static void
a_kiosk_without_a_session_learns_nothing_of_members(void **state)
{
	static const char *const closed[] = { "resolve", "get_member", "get_history", "get_holds" };

	(void)state;
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		assert_int_equal(rule_of(closed[i])->roles & ROLE_BIT(ROLE_KIOSK), 0);
		assert_int_not_equal(rule_of(closed[i])->roles & ROLE_BIT(ROLE_MEMBER), 0);
	}
}

static void
names_and_texts_are_not_for_the_auditor(void **state)
{
	static const char *const closed[] = { "get_member", "get_history", "get_texts", "resolve" };

	(void)state;
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
		assert_int_equal(rule_of(closed[i])->roles & ROLE_BIT(ROLE_AUDITOR), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_call_has_one_row_named_as_in_the_schema),
		cmocka_unit_test(nobody_calls_without_a_key_and_the_daemon_itself_never),
		cmocka_unit_test(staff_asks_everything_but_logs_in_nowhere),
		cmocka_unit_test(an_outlet_learns_nothing_of_members),
		cmocka_unit_test(a_kiosk_without_a_session_learns_nothing_of_members),
		cmocka_unit_test(names_and_texts_are_not_for_the_auditor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
