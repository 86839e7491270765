//! Every limit of the wire, named. Checked where a message is parsed, before anything is done with
//! it.

/// Largest message a role accepts, bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Coins in one operation, in or out.
pub const COINS_MAX: usize = 64;
/// Highest denomination is `2^DENOMINATION_EXPONENT_MAX` minor units.
pub const DENOMINATION_EXPONENT_MAX: u8 = 23;
/// Largest amount, minor units: what a JSON number holds exactly (2^53 - 1).
pub const AMOUNT_MAX_MINOR: u64 = (1 << 53) - 1;
/// Digits after the decimal point that a currency may have.
pub const CURRENCY_EXPONENT_MAX: u8 = 6;
/// Bytes of a pseudonym, a shop's name, a bank's name.
pub const NAME_BYTES_MAX: usize = 64;
/// Bytes of an account number or of a bank's short name.
pub const SHORT_BYTES_MAX: usize = 32;
/// Bytes of what a payment is for.
pub const PURPOSE_BYTES_MAX: usize = 512;
/// Bytes of an address.
pub const URL_BYTES_MAX: usize = 1024;
/// Currencies, banks or accepted issuers in one list.
pub const PARTIES_MAX: usize = 32;
/// How far a request's time may lie from the issuer's clock, seconds.
pub const CLOCK_SKEW_MAX_S: u64 = 300;
/// How long an invoice may stay open, seconds.
pub const INVOICE_LIFETIME_MAX_S: u64 = 7 * 86_400;
/// How long a certificate holds, seconds.
pub const CERTIFICATE_LIFETIME_S: u64 = 366 * 86_400;
/// Coins in the register's answer to one look-up.
pub const NOTED_COINS_MAX: usize = 1024;
