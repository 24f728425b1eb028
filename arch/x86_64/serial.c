/*
 * COM1 (a 16550 with FIFOs) and the debug console, a port that emulators
 * print from.
 *
 * Output goes two ways. arch_serial_write polls: for the log and for panic.
 * arch_serial_try_write takes what there is room for now, and where that is
 * nothing asks for an interrupt when there is room.
 *
 * Input comes by interrupt. ISA lines are edge-triggered: the UART must end
 * each interrupt with nothing pending, or no further edge comes. Input that
 * the handler leaves where it is (it has no room) would stay pending, so its
 * interrupt is switched off until arch_serial_getc has emptied the FIFO; the
 * UART and, behind it, the emulator hold the rest back meanwhile.
 *
 * uart_lock (RANK_UART, interrupts off) guards the registers and ier; in a
 * panic nobody takes it.
 *
 * PC16550D data sheet.
 */
#include <arch/x86_64/dev.h>

#include <arch/machine.h>
#include <lib/assert.h>
#include <lib/lock.h>

#define COM1		0x3f8
#define COM1_IRQ	4
#define UART_DATA	(COM1 + 0)
#define UART_IER	(COM1 + 1)
#define UART_DIVISOR_LO	(COM1 + 0)	/* with LCR_DIVISOR */
#define UART_DIVISOR_HI	(COM1 + 1)
#define UART_IIR	(COM1 + 2)	/* read */
#define UART_FCR	(COM1 + 2)	/* write */
#define UART_LCR	(COM1 + 3)
#define UART_MCR	(COM1 + 4)
#define UART_LSR	(COM1 + 5)
#define UART_SCRATCH	(COM1 + 7)

#define IER_RX		(1 << 0)
#define IER_TX		(1 << 1)
#define IIR_NONE	(1 << 0)
#define IIR_FIFO	(3 << 6)
#define FCR_ENABLE	(1 << 0)
#define FCR_TRIGGER_14	(3 << 6)
#define LCR_8N1		3
#define LCR_DIVISOR	(1 << 7)
#define MCR_DTR		(1 << 0)
#define MCR_RTS		(1 << 1)
#define MCR_OUT2	(1 << 3)	/* on a PC: lets the interrupt out */
#define MCR_LOOP	(1 << 4)	/* cut off from the line */
#define LSR_RX		(1 << 0)
#define LSR_BREAK	(1 << 4)
#define LSR_TX_EMPTY	(1 << 5)	/* the FIFO takes FIFO_SIZE bytes */

#define FIFO_SIZE	16
#define POLLS_MAX	1000000		/* about a second: a FIFO takes 1.4 ms to empty */
#define IRQ_ROUNDS	16

#define DEBUGCON	0xe9

static bool uart_present, debugcon_present;
static struct spinlock uart_lock = SPINLOCK_INIT(RANK_UART);
static uint8_t ier;			/* uart_lock: what UART_IER holds */
static int rx_early = -1;		/* uart_lock: a byte that was there before us */
static bool rx_drained;			/* uart_lock: the handler saw getc's -1 */
static bool rx_held_back;		/* uart_lock: it did not, and IER_RX is off */
static bool tx_stuck;			/* uart_lock: nobody takes our output; wait no more */
static void (*irq_fn)(void *);		/* const once the line is open */
static void *irq_arg;

static uint64_t uart_acquire(void)
{
	return panicking ? irq_save() : spin_lock_irqsave(&uart_lock);
}

static void uart_release(uint64_t flags)
{
	if (panicking)
		irq_restore(flags);
	else
		spin_unlock_irqrestore(&uart_lock, flags);
}

static void ier_write(uint8_t v)
{
	ier = v;
	outb(UART_IER, v);
}

static void port_write(uint16_t port, const char *s, size_t n)
{
	__asm__ volatile("rep outsb" : "+S"(s), "+c"(n) : "d"(port) : "memory");
}

static bool uart_probe(void)
{
	outb(UART_SCRATCH, 0x5a);
	if (inb(UART_SCRATCH) != 0x5a)
		return false;
	outb(UART_SCRATCH, 0xa5);
	return inb(UART_SCRATCH) == 0xa5;
}

/*
 * Input may have begun long ago. Without FIFO one byte of it waits in the
 * receiver, and switching the FIFO on would throw that away; cut off from the
 * line, so that no other takes its place before the FIFO is there.
 */
static void fifo_enable(void)
{
	outb(UART_MCR, MCR_LOOP);
	if (!(inb(UART_IIR) & IIR_FIFO) && inb(UART_LSR) & LSR_RX)
		rx_early = inb(UART_DATA);
	outb(UART_FCR, FCR_ENABLE | FCR_TRIGGER_14);
}

void arch_console_init(void)
{
	clock_set_zero();
	debugcon_present = inb(DEBUGCON) == DEBUGCON;
	uart_present = uart_probe();
	if (!uart_present)
		return;
	ier_write(0);
	outb(UART_LCR, LCR_DIVISOR | LCR_8N1);
	outb(UART_DIVISOR_LO, 1);	/* 115200 baud */
	outb(UART_DIVISOR_HI, 0);
	outb(UART_LCR, LCR_8N1);
	fifo_enable();
	outb(UART_MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
}

/* -- output -- */

static bool tx_wait(void)
{
	for (unsigned i = 0; i < (tx_stuck ? 1 : POLLS_MAX); i++)
		if (inb(UART_LSR) & LSR_TX_EMPTY)
			return true;
	return false;
}

void arch_serial_write(const char *s, size_t n)
{
	if (!uart_present)
		return;
	while (n) {
		size_t part = MIN(n, (size_t)FIFO_SIZE);
		uint64_t flags = uart_acquire();

		tx_stuck = !tx_wait();
		if (!tx_stuck)
			port_write(UART_DATA, s, part);
		uart_release(flags);
		s += part;
		n -= part;
	}
}

size_t arch_serial_try_write(const char *s, size_t n)
{
	size_t done = 0;
	uint64_t flags;

	if (!uart_present)
		return n;
	flags = uart_acquire();
	while (done < n && inb(UART_LSR) & LSR_TX_EMPTY) {
		size_t part = MIN(n - done, (size_t)FIFO_SIZE);

		port_write(UART_DATA, s + done, part);
		done += part;
	}
	if (done == 0 && n)
		ier_write(ier | IER_TX);
	uart_release(flags);
	return done;
}

bool arch_debugcon_present(void)
{
	return debugcon_present;
}

void arch_debugcon_write(const char *s, size_t n)
{
	if (debugcon_present)
		port_write(DEBUGCON, s, n);
}

/* -- input -- */

/* A break shows as a NUL byte that nobody sent. */
int arch_serial_getc(void)
{
	uint64_t flags;
	int c;

	if (!uart_present)
		return -1;
	flags = uart_acquire();
	c = rx_early;
	rx_early = -1;
	while (c < 0) {
		uint8_t lsr = inb(UART_LSR), byte;

		if (!(lsr & LSR_RX))
			break;
		byte = inb(UART_DATA);
		if (!(lsr & LSR_BREAK))
			c = byte;
	}
	if (c < 0) {
		rx_drained = true;
		if (rx_held_back)
			ier_write(ier | IER_RX);
		rx_held_back = false;
	}
	uart_release(flags);
	return c;
}

/* Before the handler: who asked for room is told once, and asks again. */
static void serial_irq_begin(void)
{
	uint64_t flags = uart_acquire();

	rx_drained = false;
	if (ier & IER_TX && inb(UART_LSR) & LSR_TX_EMPTY)
		ier_write(ier & ~IER_TX);
	uart_release(flags);
}

/* After it: what it has not read it has no room for. */
static void serial_irq_end(void)
{
	uint64_t flags = uart_acquire();

	if (!rx_drained && ier & IER_RX && inb(UART_LSR) & LSR_RX) {
		rx_held_back = true;
		ier_write(ier & ~IER_RX);
	}
	uart_release(flags);
}

/* Off and on again: whatever is pending makes a new edge. */
static void serial_irq_renew(void)
{
	uint64_t flags = uart_acquire();

	outb(UART_IER, 0);
	outb(UART_IER, ier);
	uart_release(flags);
}

static void serial_irq(void *arg)
{
	(void)arg;
	for (int i = 0; i < IRQ_ROUNDS; i++) {
		if (inb(UART_IIR) & IIR_NONE)
			return;
		serial_irq_begin();
		irq_fn(irq_arg);
		serial_irq_end();
	}
	serial_irq_renew();
}

void arch_serial_irq_enable(void (*fn)(void *), void *arg)
{
	uint64_t flags;

	if (!uart_present)
		return;
	irq_fn = fn;
	irq_arg = arg;
	arch_irq_register(COM1_IRQ, serial_irq, NULL);
	flags = irq_save();
	fn(arg);
	irq_restore(flags);
	flags = uart_acquire();
	ier_write(ier | IER_RX);
	uart_release(flags);
}
