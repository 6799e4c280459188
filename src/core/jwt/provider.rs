//! HMAC for jsonwebtoken, and nothing but HMAC: its own providers bring RSA and elliptic curves along.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm as JwtAlgorithm, DecodingKey, EncodingKey};
use sha2::{Sha256, Sha384, Sha512};

/// The algorithms a key may have (RFC 7518 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl Algorithm {
    /// The name, as `alg` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The least bytes a secret may have: the size of the hash (RFC 7518 section 3.2).
    pub const fn minimum_secret(self) -> usize {
        match self {
            Self::Hs256 => 32,
            Self::Hs384 => 48,
            Self::Hs512 => 64,
        }
    }

    pub(super) const fn jsonwebtoken(self) -> JwtAlgorithm {
        match self {
            Self::Hs256 => JwtAlgorithm::HS256,
            Self::Hs384 => JwtAlgorithm::HS384,
            Self::Hs512 => JwtAlgorithm::HS512,
        }
    }
}

static HMAC_ONLY: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes jsonwebtoken use this module. Calling it again changes nothing.
pub(super) fn install() {
    // Err only tells that a provider is there already, and nothing else in the process installs one.
    let _ = HMAC_ONLY.install_default();
}

struct Keyed<M> {
    mac: M,
    algorithm: JwtAlgorithm,
}

impl<M: Mac + Clone> Signer<Vec<u8>> for Keyed<M> {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, SignatureError> {
        Ok(self
            .mac
            .clone()
            .chain_update(message)
            .finalize()
            .into_bytes()
            .to_vec())
    }
}

impl<M: Mac + Clone> Verifier<Vec<u8>> for Keyed<M> {
    fn verify(
        &self,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> std::result::Result<(), SignatureError> {
        // Constant-time, and only the full length will do.
        let mac = self.mac.clone().chain_update(message);
        mac.verify_slice(signature)
            .map_err(|_| SignatureError::new())
    }
}

impl<M: Mac + Clone> JwtSigner for Keyed<M> {
    fn algorithm(&self) -> JwtAlgorithm {
        self.algorithm
    }
}

impl<M: Mac + Clone> JwtVerifier for Keyed<M> {
    fn algorithm(&self) -> JwtAlgorithm {
        self.algorithm
    }
}

fn keyed<M: Mac + KeyInit>(secret: &[u8], algorithm: JwtAlgorithm) -> Result<Keyed<M>> {
    let mac = <M as KeyInit>::new_from_slice(secret)
        .map_err(|_| new_error(ErrorKind::InvalidKeyFormat))?;
    Ok(Keyed { mac, algorithm })
}

fn signer(algorithm: &JwtAlgorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    let secret = key.as_bytes();
    Ok(match algorithm {
        JwtAlgorithm::HS256 => Box::new(keyed::<Hmac<Sha256>>(secret, *algorithm)?),
        JwtAlgorithm::HS384 => Box::new(keyed::<Hmac<Sha384>>(secret, *algorithm)?),
        JwtAlgorithm::HS512 => Box::new(keyed::<Hmac<Sha512>>(secret, *algorithm)?),
        _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    })
}

/// The verifier of a key: jsonwebtoken's factory, and the key ring's own way to one that lasts.
pub(super) fn verifier(
    algorithm: &JwtAlgorithm,
    key: &DecodingKey,
) -> Result<Box<dyn JwtVerifier>> {
    let secret = key.try_get_as_bytes()?;
    Ok(match algorithm {
        JwtAlgorithm::HS256 => Box::new(keyed::<Hmac<Sha256>>(secret, *algorithm)?),
        JwtAlgorithm::HS384 => Box::new(keyed::<Hmac<Sha384>>(secret, *algorithm)?),
        JwtAlgorithm::HS512 => Box::new(keyed::<Hmac<Sha512>>(secret, *algorithm)?),
        _ => return Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    })
}
