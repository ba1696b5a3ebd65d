#include "client/cli/commands.h"

#define STAFF	N_("staff")
#define KIOSK	N_("kiosk")
#define OUTLET	N_("outlet")
#define SERVING N_("staff, outlet, kiosk")
#define ASKING	N_("staff, kiosk")

/* clang-format off */
static const struct cli_command enrol_commands[] = {
	{"invite", N_("draw a code for another key"), STAFF, cmd_enrol_invite, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command key_commands[] = {
	{"link", N_("say whose key this is"), STAFF, cmd_key_link, NULL},
	{"approve", N_("approve a colleague's link"), STAFF, cmd_proposal_approve, NULL},
	{"list", N_("all keys"), NULL, cmd_key_list, NULL},
	{"revoke", N_("a key that may do nothing any more"), STAFF, cmd_key_revoke, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command station_commands[] = {
	{"open", N_("sign that set-up is over"), STAFF, cmd_station_open, NULL},
	{"status", N_("the station and its daemon now"), NULL, cmd_station_status, NULL},
	{"keys", N_("the verifier keys that the ledger has had"), NULL, cmd_station_keys, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command proposal_commands[] = {
	{"list", N_("what waits for a second person"), STAFF, cmd_proposal_list, NULL},
	{"approve", N_("the second person's yes"), STAFF, cmd_proposal_approve, NULL},
	{"withdraw", N_("take a proposal back"), STAFF, cmd_proposal_withdraw, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command card_commands[] = {
	{"bind", N_("give a member a card"), STAFF, cmd_card_bind, NULL},
	{"block", N_("a lost card is dead at once"), ASKING, cmd_card_block, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command member_commands[] = {
	{"show", N_("one member"), ASKING, cmd_member_show, NULL},
	{"list", N_("all members"), STAFF, cmd_member_list, NULL},
	{"add", N_("one new member"), STAFF, cmd_member_add, NULL},
	{"update", N_("change what is said of a member"), STAFF, cmd_member_update, NULL},
	{"kin", N_("state that two members are kin"), STAFF, cmd_member_kin, NULL},
	{"pin", N_("a slip to set a PIN with"), STAFF, cmd_member_pin, NULL},
	{"set-pin", N_("set a PIN with a slip"), KIOSK, cmd_member_set_pin, NULL},
	{"card", N_("cards"), NULL, NULL, card_commands},
	{"delegate", N_("let a social worker redeem for a member"), STAFF, cmd_member_delegate, NULL},
	{"import", N_("take in a sheet of people"), STAFF, cmd_member_import, NULL},
	{"erase", N_("erase a member's private data, for good"), STAFF, cmd_member_erase, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command catalogue_commands[] = {
	{"list", N_("service items, redemption items, partners"), NULL, cmd_catalogue_list, NULL},
	{"import", N_("take in a sheet of service items"), STAFF, cmd_catalogue_import, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command partner_commands[] = {
	{"import", N_("take in a sheet of partners"), STAFF, cmd_partner_import, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command item_commands[] = {
	{"import", N_("take in a sheet of redemption items"), STAFF, cmd_item_import, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command donation_commands[] = {
	{"import", N_("take in a sheet of donated lots"), STAFF, cmd_donation_import, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command pair_commands[] = {
	{"import", N_("take in a sheet of pairings"), STAFF, cmd_pair_import, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command rules_commands[] = {
	{"show", N_("the rules in force"), NULL, cmd_rules_show, NULL},
	{"set", N_("a new version of the rules"), STAFF, cmd_rules_set, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command service_commands[] = {
	{"import", N_("take in a sheet of service records"), STAFF, cmd_service_import, NULL},
	{"add", N_("type in one record"), STAFF, cmd_service_add, NULL},
	{"attest", N_("vouch for a batch, or for single records"), STAFF, cmd_service_attest, NULL},
	{"records", N_("single records that wait for attestation"), STAFF, cmd_service_records, NULL},
	{"reject", N_("reject single records"), STAFF, cmd_service_reject, NULL},
	{"withdraw", N_("take back a batch before it is attested"), STAFF, cmd_service_withdraw, NULL},
	{"reverse", N_("take back a credited batch"), STAFF, cmd_service_reverse, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command report_commands[] = {
	{"members", N_("hours and points of every member"), N_("staff, auditor"), cmd_report_members, NULL},
	{"findings", N_("what audits found, and what is open"), N_("staff, auditor"), cmd_report_findings, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command activity_commands[] = {
	{"add", N_("plan an activity"), STAFF, cmd_activity_add, NULL},
	{"list", N_("activities and who is there"), NULL, cmd_activity_list, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command redeem_commands[] = {
	{"hold", N_("set points and goods aside: a voucher"), ASKING, cmd_redeem_hold, NULL},
	{"check", N_("is this voucher good, and for what"), OUTLET, cmd_redeem_check, NULL},
	{"confirm", N_("the goods were handed over"), OUTLET, cmd_redeem_confirm, NULL},
	{"cancel", N_("give points and goods back"), ASKING, cmd_redeem_cancel, NULL},
	{"list", N_("a member's vouchers"), ASKING, cmd_redeem_list, NULL},
	{"reverse", N_("take back a confirmed redemption"), STAFF, cmd_redeem_reverse, NULL},
	{"late", N_("handed over after the voucher had lapsed"), STAFF, cmd_redeem_late, NULL},
	{"permit", N_("vouch for a member in the days after a PIN reset"), STAFF, cmd_redeem_permit, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command audit_commands[] = {
	{"finding", N_("what came of looking for a record's paper"), N_("staff, auditor"), cmd_audit_finding,
		NULL},
	{"export", N_("the ledger as files"), NULL, cmd_audit_export, NULL},
	{"verify", N_("verify an export, offline"), NULL, cmd_audit_verify, NULL},
	{"sample", N_("which records' sheets the auditor wants to see"), NULL, cmd_audit_sample, NULL},
	{"watch", N_("is each new checkpoint of the same history"), NULL, cmd_audit_watch, NULL},
	{"journal", N_("its postings for hledger, beancount, a spreadsheet"), NULL, cmd_audit_journal, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command receipt_commands[] = {
	{"get", N_("the proof that an entry is in the ledger"), NULL, cmd_receipt_get, NULL},
	{"save", N_("that proof as a file"), NULL, cmd_receipt_save, NULL},
	{"check", N_("check such a file, offline"), NULL, cmd_receipt_check, NULL},
	{"slip", N_("check the short form on a slip"), NULL, cmd_receipt_slip, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command open_commands[] = {
	{"save", N_("what an entry opened, as a file again"), STAFF, cmd_open_save, NULL},
	{"check", N_("check such a file, offline"), NULL, cmd_open_check, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

static const struct cli_command witness_commands[] = {
	{"key", N_("make a witness, and show its verifier key"), NULL, cmd_witness_key, NULL},
	{"run", N_("cosign checkpoints for stations (HTTP)"), NULL, cmd_witness_run, NULL},
	{"request", N_("a checkpoint to be carried to a witness"), N_("staff, auditor"), cmd_witness_request, NULL},
	{"sign", N_("cosign one that was brought as a file"), NULL, cmd_witness_sign, NULL},
	{"add", N_("bring the witness's signature back"), N_("staff, auditor"), cmd_witness_add, NULL},
	{"board", N_("the checkpoint for the notice board"), N_("staff, auditor"), cmd_witness_board, NULL},
	{NULL, NULL, NULL, NULL, NULL},
};

const struct cli_command cli_commands[] = {
	{"enrol", N_("admit this home's key with a code"), NULL, cmd_enrol, enrol_commands},
	{"key", N_("keys"), NULL, NULL, key_commands},
	{"station", N_("the station"), NULL, NULL, station_commands},
	{"todo", N_("what waits for me"), NULL, cmd_todo, NULL},
	{"proposal", N_("what waits for a second person"), NULL, NULL, proposal_commands},
	{"rules", N_("the rules"), NULL, NULL, rules_commands},
	{"catalogue", N_("service items and rates"), NULL, NULL, catalogue_commands},
	{"member", N_("members"), NULL, NULL, member_commands},
	{"balance", N_("hours and points of a member"), ASKING, cmd_balance, NULL},
	{"history", N_("what happened to a member's hours and points"), ASKING, cmd_history, NULL},
	{"partner", N_("partners and their agreements"), NULL, NULL, partner_commands},
	{"item", N_("what points are redeemed for"), NULL, NULL, item_commands},
	{"donation", N_("donated lots"), NULL, NULL, donation_commands},
	{"pair", N_("who visits whom"), NULL, NULL, pair_commands},
	{"service", N_("service records"), NULL, NULL, service_commands},
	{"report", N_("reports"), NULL, NULL, report_commands},
	{"activity", N_("activities"), NULL, NULL, activity_commands},
	{"check-in", N_("service begins"), SERVING, cmd_check_in, NULL},
	{"check-out", N_("service ends"), SERVING, cmd_check_out, NULL},
	{"redeem", N_("redemptions"), NULL, NULL, redeem_commands},
	{"gift", N_("give points to another member"), KIOSK, cmd_gift, NULL},
	{"kiosk", N_("the full-screen session for volunteers"), KIOSK, cmd_kiosk, NULL},
	{"witness", N_("witnesses of the ledger"), NULL, NULL, witness_commands},
	{"audit", N_("verification"), NULL, NULL, audit_commands},
	{"open", N_("a private text, for who may see it: a file that proves it"), STAFF, cmd_open, open_commands},
	{"receipt", N_("what came of an act whose answer was lost"), NULL, cmd_receipt, receipt_commands},
	{NULL, NULL, NULL, NULL, NULL},
};
/* clang-format on */
