//! Money that the payee alone checks, and the issuer when it comes home: one folder a scheme.

pub mod purse;
