//! Whether a presented API Key opens a customer's record (C6, C10, C11).

use crate::lookup::{ClientRecord, KeyHash, KeyRecord, Pepper};
use crate::outcome::Reason;
use crate::secret::Secret;
use crate::time::Timestamp;
use subtle::Choice;

/// Credentials as a caller sent them: whom to look up, and which keys to try.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The Customer Code.
    pub client_id: String,
    /// The API Key, in each way it may be meant (D2). Never empty.
    pub secrets: Vec<Secret>,
}

/// Compares every presented key with every key of the record, and with a dummy where there is no
/// record, so that the work does not tell which of the causes it was. Nothing returns early.
///
/// `Ok` holds the record whose key it is, fit for use at `now`.
pub fn authenticate<'a>(
    presented: &Presented,
    record: Option<&'a ClientRecord>,
    pepper: Option<&Pepper>,
    now: Timestamp,
) -> Result<&'a ClientRecord, Reason> {
    let dummy = [KeyRecord {
        id: String::new(),
        hash: KeyHash::Sha256([0; 32]),
        expires_at: None,
        revoked_at: None,
    }];
    let keys = match record.map(|record| record.keys.as_slice()) {
        Some(keys) if !keys.is_empty() => keys,
        _ => &dummy,
    };
    let mut best = Reason::WrongKey;
    for secret in &presented.secrets {
        let plain = KeyHash::sha256(secret.expose());
        let peppered = pepper.map(|pepper| KeyHash::hmac_sha256(secret.expose(), pepper));
        for key in keys {
            let mut matches = key.hash.matches(&plain);
            if let Some(peppered) = &peppered {
                matches |= key.hash.matches(peppered);
            }
            best = better(best, state(key, now), matches);
        }
    }
    match record {
        None => Err(Reason::UnknownClient),
        Some(_) if best == Reason::WrongKey => Err(best),
        Some(record) if !record.enabled => Err(Reason::DisabledClient),
        Some(record) if best == Reason::Issued => Ok(record),
        Some(_) => Err(best),
    }
}

/// How many keys of a record have a hash whose tag is not known here.
pub fn unknown_hashes(record: &ClientRecord) -> usize {
    record
        .keys
        .iter()
        .filter(|key| matches!(key.hash, KeyHash::Unknown(_)))
        .count()
}

/// What a key is worth once it matches; [`Reason::Issued`] stands for "good".
fn state(key: &KeyRecord, now: Timestamp) -> Reason {
    let now = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
    if key.revoked_at.is_some_and(|at| now >= at) {
        return Reason::RevokedKey;
    }
    if key.expires_at.is_some_and(|at| now >= at) {
        return Reason::ExpiredKey;
    }
    Reason::Issued
}

fn better(best: Reason, state: Reason, matches: Choice) -> Reason {
    if bool::from(matches) && best != Reason::Issued {
        state
    } else {
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn key(hash: KeyHash, expires_at: Option<i64>, revoked_at: Option<i64>) -> KeyRecord {
        KeyRecord {
            id: "k".to_owned(),
            hash,
            expires_at,
            revoked_at,
        }
    }

    fn record(enabled: bool, keys: Vec<KeyRecord>) -> ClientRecord {
        ClientRecord {
            client_id: "ACME01".to_owned(),
            enabled,
            scope: "read".to_owned(),
            keys,
        }
    }

    fn presented(keys: &[&str]) -> Presented {
        let secrets = keys.iter().map(|key| Secret::new(key.as_bytes())).collect();
        Presented {
            client_id: "ACME01".to_owned(),
            secrets,
        }
    }

    fn result(record: Option<&ClientRecord>, keys: &[&str]) -> Result<(), Reason> {
        let pepper = Pepper::new(b"pepper").unwrap();
        authenticate(&presented(keys), record, Some(&pepper), NOW).map(|_| ())
    }

    #[test]
    fn c10_any_one_of_several_keys_opens_the_record() {
        let record = record(
            true,
            vec![
                key(KeyHash::sha256(b"a"), None, None),
                key(KeyHash::sha256(b"b"), Some(1_800_000_001), None),
            ],
        );
        for good in ["a", "b"] {
            assert_eq!(result(Some(&record), &[good]), Ok(()), "{good}");
        }
        assert_eq!(result(Some(&record), &["c"]), Err(Reason::WrongKey));
    }

    #[test]
    fn c6_each_cause_has_its_own_reason_inside() {
        let a = || KeyHash::sha256(b"a");
        let good = || key(a(), None, None);
        for (record, expected) in [
            (
                record(true, vec![key(a(), Some(1_800_000_000), None)]),
                Err(Reason::ExpiredKey),
            ),
            (
                record(true, vec![key(a(), None, Some(1_800_000_000))]),
                Err(Reason::RevokedKey),
            ),
            (
                record(true, vec![key(a(), None, Some(1_800_000_001))]),
                Ok(()),
            ),
            (record(true, vec![key(a(), Some(0), None), good()]), Ok(())),
            (record(true, vec![good(), key(a(), Some(0), None)]), Ok(())),
            (record(false, vec![good()]), Err(Reason::DisabledClient)),
            (record(false, vec![]), Err(Reason::WrongKey)),
            (record(true, vec![]), Err(Reason::WrongKey)),
        ] {
            assert_eq!(result(Some(&record), &["a"]), expected, "{record:?}");
        }
        assert_eq!(result(None, &["a"]), Err(Reason::UnknownClient));
    }

    #[test]
    fn an_unknown_client_is_never_let_in_by_the_dummy_key() {
        assert_eq!(result(None, &[""]), Err(Reason::UnknownClient));
        assert_eq!(
            result(Some(&record(true, vec![])), &[""]),
            Err(Reason::WrongKey)
        );
    }

    #[test]
    fn peppered_hashes_match_and_unknown_tags_are_counted() {
        let pepper = Pepper::new(b"pepper").unwrap();
        let unknown = || KeyHash::try_from("sha3:x".to_owned()).unwrap();
        assert_eq!(unknown_hashes(&record(true, vec![])), 0);
        let record = record(
            true,
            vec![
                key(unknown(), None, None),
                key(unknown(), None, None),
                key(KeyHash::hmac_sha256(b"a", &pepper), None, None),
            ],
        );
        assert_eq!(result(Some(&record), &["a"]), Ok(()));
        assert_eq!(unknown_hashes(&record), 2);
        let without = authenticate(&presented(&["a"]), Some(&record), None, NOW);
        assert_eq!(without.map(|_| ()), Err(Reason::WrongKey));
    }

    #[test]
    fn d2_either_reading_of_the_presented_key_will_do() {
        let record = record(true, vec![key(KeyHash::sha256(b"a+b"), None, None)]);
        assert_eq!(result(Some(&record), &["a b", "a+b"]), Ok(()));
        assert_eq!(result(Some(&record), &["a+b", "a b"]), Ok(()));
    }
}
