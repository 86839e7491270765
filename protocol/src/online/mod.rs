//! Online coins: a secret and an authenticator; to spend is to show both, sealed, to the issuer,
//! once.

pub mod tagged;
