//! Password hashing and access tokens.
//!
//! [`Argon2Hasher`] keeps hashing off the threads that serve requests and bounded in memory.
//! [`PasswordRules`] tell which passwords people may choose.
//! [`JwtIssuer`] signs and checks access tokens with keys that are derived from the operator's
//! [`SigningSecret`]; the secret itself signs nothing.

mod audit;
mod cursor;
mod device;
mod jwt;
mod link;
mod passwords;
mod policy;
mod refresh;
mod scheme;
mod secret;

pub use audit::AuditSealer;
pub use cursor::CursorSealer;
pub use device::DeviceSigner;
pub use jwt::{JwtAlgorithm, JwtIssuer};
pub use link::RandomLinks;
pub use passwords::{Argon2Hasher, HashCost, HashLimits};
pub use policy::{BreachedPasswords, PasswordRules};
pub use refresh::RefreshDeriver;
pub use secret::{SecretError, SigningSecret, generate_secret};
