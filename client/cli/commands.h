/*
 * Every subcommand of `timebox`: the table that main.c walks and --help prints (in commands.c), and
 * one function for each. A new command is a line here, a row in commands.c, and a file.
 */
#ifndef TIMEBOX_CLIENT_CLI_COMMANDS_H
#define TIMEBOX_CLIENT_CLI_COMMANDS_H

#include "client/cli/cli.h"

/* The top of the tree; ends with name NULL. */
extern const struct cli_command cli_commands[];

/* Each runs one subcommand and returns its exit code. */
#define CLI_COMMAND(name) int name(struct cli *c, int argc, char **argv)

CLI_COMMAND(cmd_enrol);
CLI_COMMAND(cmd_enrol_invite);
CLI_COMMAND(cmd_key_link);
CLI_COMMAND(cmd_key_list);
CLI_COMMAND(cmd_key_revoke);
CLI_COMMAND(cmd_station_open);
CLI_COMMAND(cmd_station_status);
CLI_COMMAND(cmd_station_keys);
CLI_COMMAND(cmd_proposal_list);
CLI_COMMAND(cmd_proposal_approve);
CLI_COMMAND(cmd_proposal_withdraw);
CLI_COMMAND(cmd_member_show);
CLI_COMMAND(cmd_member_list);
CLI_COMMAND(cmd_member_add);
CLI_COMMAND(cmd_member_update);
CLI_COMMAND(cmd_member_erase);
CLI_COMMAND(cmd_audit_finding);
CLI_COMMAND(cmd_member_kin);
CLI_COMMAND(cmd_member_pin);
CLI_COMMAND(cmd_member_set_pin);
CLI_COMMAND(cmd_card_bind);
CLI_COMMAND(cmd_card_block);
CLI_COMMAND(cmd_balance);
CLI_COMMAND(cmd_history);
CLI_COMMAND(cmd_todo);
CLI_COMMAND(cmd_catalogue_list);
CLI_COMMAND(cmd_rules_show);
CLI_COMMAND(cmd_rules_set);
CLI_COMMAND(cmd_receipt);
CLI_COMMAND(cmd_receipt_get);
CLI_COMMAND(cmd_receipt_save);
CLI_COMMAND(cmd_receipt_check);
CLI_COMMAND(cmd_receipt_slip);
CLI_COMMAND(cmd_witness_key);
CLI_COMMAND(cmd_witness_run);
CLI_COMMAND(cmd_witness_sign);
CLI_COMMAND(cmd_witness_request);
CLI_COMMAND(cmd_witness_add);
CLI_COMMAND(cmd_witness_board);
CLI_COMMAND(cmd_redeem_hold);
CLI_COMMAND(cmd_redeem_confirm);
CLI_COMMAND(cmd_redeem_check);
CLI_COMMAND(cmd_redeem_cancel);
CLI_COMMAND(cmd_redeem_list);
CLI_COMMAND(cmd_redeem_reverse);
CLI_COMMAND(cmd_redeem_late);
CLI_COMMAND(cmd_redeem_permit);
CLI_COMMAND(cmd_member_delegate);
CLI_COMMAND(cmd_gift);
CLI_COMMAND(cmd_activity_add);
CLI_COMMAND(cmd_activity_list);
CLI_COMMAND(cmd_check_in);
CLI_COMMAND(cmd_check_out);
CLI_COMMAND(cmd_kiosk);
CLI_COMMAND(cmd_audit_export);
CLI_COMMAND(cmd_audit_journal);
CLI_COMMAND(cmd_audit_sample);
CLI_COMMAND(cmd_audit_verify);
CLI_COMMAND(cmd_audit_watch);
CLI_COMMAND(cmd_catalogue_import);
CLI_COMMAND(cmd_member_import);
CLI_COMMAND(cmd_partner_import);
CLI_COMMAND(cmd_item_import);
CLI_COMMAND(cmd_donation_import);
CLI_COMMAND(cmd_pair_import);
CLI_COMMAND(cmd_service_import);
CLI_COMMAND(cmd_service_add);
CLI_COMMAND(cmd_service_attest);
CLI_COMMAND(cmd_service_withdraw);
CLI_COMMAND(cmd_service_reverse);
CLI_COMMAND(cmd_service_records);
CLI_COMMAND(cmd_service_reject);
CLI_COMMAND(cmd_report_members);
CLI_COMMAND(cmd_report_findings);
CLI_COMMAND(cmd_open);
CLI_COMMAND(cmd_open_save);
CLI_COMMAND(cmd_open_check);

#endif
