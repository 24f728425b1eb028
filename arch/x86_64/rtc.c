/*
 * The CMOS clock, read once at boot: what time it was when arch_clock_ns()
 * was 0.
 *
 * The clock changes its registers once a second and says so up to 244 µs
 * before (update in progress); a reading counts if no update was announced
 * before it and a second reading shows the same. Registers are BCD or binary,
 * hours of 12 or 24, as register B says. The century is where the FADT says;
 * without one it is 20xx.
 *
 * MC146818A data sheet; ACPI 5.2.9 (CENTURY).
 */
#include <arch/x86_64/dev.h>

#include <lib/log.h>
#include <lib/string.h>

#define CMOS_INDEX	0x70
#define CMOS_DATA	0x71
#define RTC_A		10
#define RTC_A_UPDATE	(1 << 7)
#define RTC_B		11
#define RTC_B_24H	(1 << 1)
#define RTC_B_BINARY	(1 << 2)
#define RTC_PM		(1 << 7)	/* in the hours, with hours of 12 */
#define RTC_PATIENCE_NS	50000000	/* an update takes 2.3 ms */

struct rtc_regs {
	uint8_t sec, min, hour, day, month, year, century;
};

static uint64_t epoch_s;

uint64_t arch_boot_epoch_s(void)
{
	return epoch_s;
}

static uint8_t cmos_read(uint8_t reg)
{
	outb(CMOS_INDEX, reg);
	return inb(CMOS_DATA);
}

static bool rtc_updating(void)
{
	return cmos_read(RTC_A) & RTC_A_UPDATE;
}

static struct rtc_regs rtc_read_once(void)
{
	return (struct rtc_regs){
		cmos_read(0), cmos_read(2), cmos_read(4), cmos_read(7), cmos_read(8), cmos_read(9),
		acpi_century_index ? cmos_read(acpi_century_index) : 0,
	};
}

/* Two equal readings, neither begun in an update; false: the clock never holds still. */
static bool rtc_read_stable(struct rtc_regs *r)
{
	uint64_t give_up = arch_clock_ns() + RTC_PATIENCE_NS;
	struct rtc_regs again;

	do {
		if (rtc_updating())
			continue;
		*r = rtc_read_once();
		if (rtc_updating())
			continue;
		again = rtc_read_once();
		if (memcmp(r, &again, sizeof(again)) == 0)
			return true;
	} while (arch_clock_ns() < give_up);
	return false;
}

static uint8_t from_bcd(uint8_t v)
{
	return (v >> 4) * 10 + (v & 15);
}

static void rtc_to_binary(struct rtc_regs *r)
{
	uint8_t mode = cmos_read(RTC_B);
	bool pm = !(mode & RTC_B_24H) && r->hour & RTC_PM;

	if (!(mode & RTC_B_24H))
		r->hour &= ~RTC_PM;
	if (!(mode & RTC_B_BINARY)) {
		uint8_t *field[] = { &r->sec, &r->min, &r->hour, &r->day, &r->month, &r->year, &r->century };

		for (unsigned i = 0; i < ARRAY_SIZE(field); i++)
			*field[i] = from_bcd(*field[i]);
	}
	if (!(mode & RTC_B_24H))
		r->hour = r->hour % 12 + (pm ? 12 : 0);
	if (r->century < 19 || r->century > 29)
		r->century = 20;
}

/* Days from 1970-01-01; the year begins in March, so that its odd day comes last. */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	unsigned m = month <= 2 ? month + 9 : month - 3;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 719469;
}

void rtc_init(void)
{
	struct rtc_regs r;
	int64_t s;

	if (!rtc_read_stable(&r)) {
		log_warn("clock: no CMOS clock; the time of day begins in 1970");
		return;
	}
	rtc_to_binary(&r);
	if (r.sec > 60 || r.min > 59 || r.hour > 23 || r.day < 1 || r.day > 31 || r.month < 1 ||
	    r.month > 12 || r.year > 99) {
		log_warn("clock: the CMOS clock shows no date; the time of day begins in 1970");
		return;
	}
	s = days_from_date(r.century * 100 + r.year, r.month, r.day) * 86400 + r.hour * 3600 +
	    r.min * 60 + r.sec - (int64_t)(arch_clock_ns() / 1000000000);
	epoch_s = s > 0 ? s : 0;
	log_info("clock: %02u%02u-%02u-%02u %02u:%02u:%02u UTC", r.century, r.year, r.month, r.day,
		 r.hour, r.min, r.sec);
}
