//! The card as a program for the RP2350, on a board with 4 MiB of flash such as a Pico 2. It has
//! run on no board.
//!
//! Button: between GPIO 14 and ground. (BOOTSEL cannot be read while flash is.) Light: GPIO 25.

#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_rp::flash::{Blocking, Flash};
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{TRNG, USB};
use embassy_rp::trng::{self, Trng};
use embassy_rp::{bind_interrupts, usb};
use koban_firmware_device::{Board, FLASH_BYTES, FlashStore, Memory, Panel, PinState};
use panic_reset as _;

/// Bytes of flash on the board, as in `memory.x`.
const BOARD_BYTES: usize = 4096 * 1024;
const _: () = assert!(FLASH_BYTES == 272 * 1024, "memory.x keeps so much for the store");

bind_interrupts!(struct Interrupts {
    USBCTRL_IRQ => usb::InterruptHandler<USB>;
    TRNG_IRQ => trng::InterruptHandler<TRNG>;
});

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let chip = embassy_rp::init(embassy_rp::config::Config::default());
    let driver = usb::Driver::new(chip.USB, Interrupts);
    let flash = Flash::<_, Blocking, BOARD_BYTES>::new_blocking(chip.FLASH);
    let mut trng = Trng::new(chip.TRNG, Interrupts, trng::Config::default());
    let board =
        Board::new(FlashStore::new(flash), move |seed| trng.blocking_fill_bytes(seed.as_mut()));
    let button = Input::new(chip.PIN_14, Pull::Up);
    let light = Output::new(chip.PIN_25, Level::Low);
    let panel = Panel { button, light, lit: PinState::High };
    let mut memory = Memory::new();
    koban_firmware_device::run(driver, &mut memory, board, panel).await
}
