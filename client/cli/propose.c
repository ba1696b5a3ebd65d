#include "client/cli/propose.h"

#include "client/cli/out.h"

void
propose_print(const struct cli *c, uint64_t seq, uint32_t index)
{
	char id[OUT_ID_SIZE];

	if (c->json) {
		out_json_line(json_pack("{s:o}", "id", out_json_id(seq, index)));
		return;
	}
	printf(_("Waits for a colleague: timebox key approve %s\n"), out_id(id, seq, index));
}

int
propose_send(struct cli *c, struct timebox *tb, const Timebox__V1__Command *command)
{
	Timebox__V1__Response *answer = NULL;
	int rc = cli_act_one(c, tb, command, &answer);

	if (rc == CLI_DONE)
		propose_print(c, answer->receipt->seq, 0);
	timebox_response_free(answer);
	return rc;
}
