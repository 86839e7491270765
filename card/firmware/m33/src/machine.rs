//! The registers of AN505 that the card uses (Arm Cortex-M System Design Kit, DDI 0479, sections
//! 4.2 and 4.3), and its stack.
#![allow(unsafe_code, reason = "registers and the stack are read through their addresses")]

use core::ptr;

/// A serial line (APB UART).
pub(crate) struct Line(usize);

impl Line {
    /// UART 0 and UART 1, by their secure addresses.
    pub(crate) const FIRST: Self = Self(0x5020_0000);
    pub(crate) const SECOND: Self = Self(0x5020_1000);

    const DATA: usize = 0x00;
    const STATE: usize = 0x04;
    const CONTROL: usize = 0x08;
    const DIVIDER: usize = 0x10;
    const SENDING: u32 = 1;
    const RECEIVED: u32 = 2;

    /// The line, open both ways; qemu has no use for the speed but that there is one.
    pub(crate) fn open(self) -> Self {
        write(self.0 + Self::DIVIDER, 16);
        write(self.0 + Self::CONTROL, 3);
        self
    }

    /// Whether a byte has come.
    pub(crate) fn has_byte(&self) -> bool {
        read(self.0 + Self::STATE) & Self::RECEIVED != 0
    }

    /// Waits for a byte.
    pub(crate) fn read(&self) -> u8 {
        while !self.has_byte() {}
        let [.., byte] = read(self.0 + Self::DATA).to_be_bytes();
        byte
    }

    /// Waits until a byte can go.
    pub(crate) fn write(&self, byte: u8) {
        while read(self.0 + Self::STATE) & Self::SENDING != 0 {}
        write(self.0 + Self::DATA, u32::from(byte));
    }
}

/// Counts at 20 MHz (APB timer 0).
pub(crate) struct Clock {
    last: u32,
    ticks: u64,
}

impl Clock {
    const CONTROL: usize = 0x5000_0000;
    const VALUE: usize = 0x5000_0004;
    const RELOAD: usize = 0x5000_0008;
    const TICKS_PER_MS: u64 = 20_000;

    pub(crate) fn start() -> Self {
        write(Self::RELOAD, u32::MAX);
        write(Self::VALUE, u32::MAX);
        write(Self::CONTROL, 1);
        Self { last: 0, ticks: 0 }
    }

    /// Ticks since it was started, modulo 2^32; the timer itself counts down.
    pub(crate) fn ticks(&self) -> u32 {
        u32::MAX.wrapping_sub(read(Self::VALUE))
    }

    /// Milliseconds since it was started, if this is asked every 214 seconds: the timer's 2^32.
    pub(crate) fn now_ms(&mut self) -> u64 {
        let ticks = self.ticks();
        self.ticks = self.ticks.saturating_add(u64::from(ticks.wrapping_sub(self.last)));
        self.last = ticks;
        self.ticks / Self::TICKS_PER_MS
    }
}

unsafe extern "C" {
    // of cortex-m-rt's link.x: where the stack begins, and where it meets what is below
    static _stack_start: u32;
    static _stack_end: u32;
}

/// The most bytes of stack in use since power came: down to the lowest word that is no longer as
/// painted at the start.
pub(crate) fn stack_used() -> u32 {
    let (start, end) = (&raw const _stack_start as usize, &raw const _stack_end as usize);
    let mut lowest = end;
    while lowest < start && read(lowest) == cortex_m_rt::STACK_PAINT_VALUE {
        lowest += size_of::<u32>();
    }
    u32::try_from(start - lowest).unwrap_or(u32::MAX)
}

fn read(address: usize) -> u32 {
    // SAFETY: all callers are above; each address is that of a register of this machine, or of an
    // aligned word of its stack, which a read as volatile takes as it is.
    unsafe { ptr::with_exposed_provenance::<u32>(address).read_volatile() }
}

fn write(address: usize, value: u32) {
    // SAFETY: all callers are above; each address is that of a register, and none of them makes the
    // machine write to memory.
    unsafe { ptr::with_exposed_provenance_mut::<u32>(address).write_volatile(value) }
}
