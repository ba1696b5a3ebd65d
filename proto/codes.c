#include "proto/codes.h"

const char *
result_name(enum result r)
{
	switch (r) {
#define X(NAME, number, wire, en, zh) \
	case RESULT_##NAME:           \
		return wire;
		RESULT_CODES(X)
#undef X
	}
	return "unknown";
}

const char *
result_text_en(enum result r)
{
	switch (r) {
#define X(NAME, number, wire, en, zh) \
	case RESULT_##NAME:           \
		return en;
		RESULT_CODES(X)
#undef X
	}
	return "an answer that this program does not know";
}

const char *
result_text_zh(enum result r)
{
	switch (r) {
#define X(NAME, number, wire, en, zh) \
	case RESULT_##NAME:           \
		return zh;
		RESULT_CODES(X)
#undef X
	}
	return "本程序不认识的答复";
}

int
result_known(unsigned number)
{
	switch (number) {
#define X(NAME, number, wire, en, zh) case number:
		RESULT_CODES(X)
#undef X
		return 1;
	}
	return 0;
}
