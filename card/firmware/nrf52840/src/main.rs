//! The card as a program for the nRF52840, on Nordic's development kit (PCA10056). It has run on no
//! board.
//!
//! Button: button 1, P0.11. Light: LED 1, P0.13, which is lit by ground.

#![no_std]
#![no_main]

use cortex_m as _;
use embassy_executor::Spawner;
use embassy_nrf::config::HfclkSource;
use embassy_nrf::gpio::{Input, Level, Output, OutputDrive, Pull};
use embassy_nrf::nvmc::Nvmc;
use embassy_nrf::peripherals::USBD;
use embassy_nrf::rng::Rng;
use embassy_nrf::usb::vbus_detect::{self, HardwareVbusDetect};
use embassy_nrf::{bind_interrupts, usb};
use koban_firmware_device::{Board, FLASH_BYTES, FlashStore, Memory, Panel, PinState};
use panic_reset as _;

const _: () = assert!(FLASH_BYTES == 272 * 1024, "memory.x keeps so much for the store");

bind_interrupts!(struct Interrupts {
    USBD => usb::InterruptHandler<USBD>;
    CLOCK_POWER => vbus_detect::InterruptHandler;
});

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    let mut config = embassy_nrf::config::Config::default();
    // USB needs the crystal's clock
    config.hfclk_source = HfclkSource::ExternalXtal;
    let chip = embassy_nrf::init(config);
    let driver = usb::Driver::new(chip.USBD, Interrupts, HardwareVbusDetect::new(Interrupts));
    let mut rng = Rng::new_blocking(chip.RNG);
    rng.set_bias_correction(true);
    let flash = FlashStore::new(Nvmc::new(chip.NVMC));
    let board = Board::new(flash, move |seed| rng.blocking_fill_bytes(seed.as_mut()));
    let button = Input::new(chip.P0_11, Pull::Up);
    let light = Output::new(chip.P0_13, Level::High, OutputDrive::Standard);
    let panel = Panel { button, light, lit: PinState::Low };
    let mut memory = Memory::new();
    koban_firmware_device::run(driver, &mut memory, board, panel).await
}
