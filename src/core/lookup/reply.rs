//! What the lookup cluster answered. Whatever is not plainly a record, or plainly "unknown", has failed.

use super::record::ClientRecord;
use crate::json::Json;
use crate::outcome::LookupStatus;

/// The longest reply that is read, in bytes.
pub const MAX_REPLY: usize = 64 * 1024;

/// What is read where there is no record: one as most customers have it.
const STAND_IN: &[u8] = br#"{"client_id":"ACME01","enabled":true,"scope":"read","keys":[{"id":"k_7Q2mXo4a9TzB","hash":"sha256:0000000000000000000000000000000000000000000000000000000000000000","expires_at":1827072000,"revoked_at":null}]}"#;

/// An answer as the host hands it over.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// `:status`; `None` where the answer broke off (a callback with no headers at all).
    pub status: Option<&'a [u8]>,
    /// The body, which may be cut after [`MAX_REPLY`] bytes.
    pub body: &'a [u8],
    /// How long the body really is.
    pub body_size: usize,
}

/// A lookup that has not failed.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// The customer's record.
    Record(ClientRecord),
    /// There is no such customer.
    Unknown,
}

/// Reads an answer. `pointer` leads to the record inside it; `client_id` is who was asked for.
pub fn read(answer: &Answer<'_>, pointer: &str, client_id: &str) -> Result<Found, LookupStatus> {
    match answer.status {
        None => return Err(LookupStatus::Reset),
        Some(b"200") => {}
        Some(b"404") => {
            // C6: whoever measures how long a refusal takes must not learn that there was no record to read.
            std::hint::black_box(record(std::hint::black_box(STAND_IN), ""));
            return Ok(Found::Unknown);
        }
        Some(b"503") => {
            return Err(reported_by_envoy(answer.body).unwrap_or(LookupStatus::BadStatus));
        }
        Some(b"504") if answer.body == b"upstream request timeout" => {
            return Err(LookupStatus::Timeout);
        }
        Some(_) => return Err(LookupStatus::BadStatus),
    }
    if answer.body_size > MAX_REPLY || answer.body.len() > MAX_REPLY {
        return Err(LookupStatus::TooLarge);
    }
    record(answer.body, pointer)
        .filter(|record| record.client_id == client_id)
        .map(Found::Record)
        .ok_or(LookupStatus::BadRecord)
}

/// What Envoy's own 503 says of an upstream, in its `resetReasonToString`. A store's own 503 says something else.
fn reported_by_envoy(body: &[u8]) -> Option<LookupStatus> {
    if body == b"no healthy upstream" {
        return Some(LookupStatus::Unreachable);
    }
    let body = std::str::from_utf8(body).ok()?;
    let (_, reason) = body
        .strip_prefix("upstream connect error or disconnect/reset before headers. ")?
        .split_once("reset reason: ")?;
    // What follows a comma are details of the transport.
    match reason.split(',').next() {
        Some("remote connection failure" | "local connection failure" | "connection timeout") => {
            Some(LookupStatus::Unreachable)
        }
        // The cluster's circuit breaker is open.
        Some("overflow") => Some(LookupStatus::NotSent),
        // A connection that was made has broken off.
        _ => Some(LookupStatus::Reset),
    }
}

/// Strictly: no duplicate member, right types, every field that decides.
fn record(body: &[u8], pointer: &str) -> Option<ClientRecord> {
    let reply = Json::parse(body).ok()?;
    ClientRecord::try_from(reply.pointer(pointer)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"client_id":"ACME01","enabled":true,"scope":"read","keys":[{"id":"k_1",
        "hash":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","expires_at":1827072000,"revoked_at":null}]}"#;

    fn answer<'a>(status: &'a [u8], body: &'a [u8]) -> Answer<'a> {
        Answer {
            status: Some(status),
            body,
            body_size: body.len(),
        }
    }

    fn with(from: &str, to: &str) -> Result<Found, LookupStatus> {
        assert!(RECORD.contains(from), "{from}");
        read(
            &answer(b"200", RECORD.replace(from, to).as_bytes()),
            "",
            "ACME01",
        )
    }

    #[test]
    fn d9_a_record_is_read_and_unknown_fields_are_ignored() {
        let Ok(Found::Record(record)) = with(r#""enabled""#, r#""later":{"x":[1]},"enabled""#)
        else {
            panic!()
        };
        assert_eq!(
            (record.client_id.as_str(), record.keys.len()),
            ("ACME01", 1)
        );
        assert!(matches!(
            with(r#""revoked_at":null"#, r#""later":1"#),
            Ok(Found::Record(_))
        ));
        assert!(matches!(with("1827072000", "null"), Ok(Found::Record(_))));
    }

    #[test]
    fn d9_a_damaged_record_is_a_failed_lookup() {
        for (from, to) in [
            ("true", "\"true\""),
            ("true", "1"),
            ("1827072000", "\"1827072000\""),
            ("1827072000", "1.5"),
            ("\"expires_at\":", "\"expiresAt\":"),
            ("\"scope\":\"read\",", ""),
            ("\"scope\":\"read\"", "\"scope\":[\"read\"]"),
            ("sha256:ba", "sha256:b"),
            ("sha256:", ""),
            ("\"enabled\":true", "\"enabled\":true,\"enabled\":false"),
            ("\"id\"", "\"id\":\"x\",\"\\u0069d\""),
            ("]}", "]"),
            ("ACME01", "ACME02"),
            ("ACME01", "acme01"),
            ("\"keys\":[", "\"keys\":[null,"),
            ("\"revoked_at\":null", "\"revoked_at\":false"),
        ] {
            assert_eq!(
                with(from, to),
                Err(LookupStatus::BadRecord),
                "{from} -> {to}"
            );
        }
        let deep = "[".repeat(10_000);
        for junk in [
            &b""[..],
            b"null",
            b"[]",
            b"\xff\xfe",
            b"<html>",
            deep.as_bytes(),
        ] {
            assert_eq!(
                read(&answer(b"200", junk), "", "ACME01"),
                Err(LookupStatus::BadRecord)
            );
        }
    }

    #[test]
    fn d9_only_404_is_an_unknown_client() {
        assert_eq!(
            read(&answer(b"404", b"anything"), "", "ACME01"),
            Ok(Found::Unknown)
        );
        for status in [
            &b"204"[..],
            b"301",
            b"401",
            b"403",
            b"406",
            b"410",
            b"500",
            b"502",
            b"503",
            b"504",
            b"20",
            b"2000",
            b"",
        ] {
            assert_eq!(
                read(&answer(status, RECORD.as_bytes()), "", "ACME01"),
                Err(LookupStatus::BadStatus)
            );
        }
        let broken_off = Answer {
            status: None,
            body: b"",
            body_size: 0,
        };
        assert_eq!(read(&broken_off, "", "ACME01"), Err(LookupStatus::Reset));
    }

    #[test]
    fn c6_what_is_read_in_place_of_a_record_is_one() {
        let read = record(STAND_IN, "").unwrap();
        assert_eq!(read.keys.len(), 1);
    }

    #[test]
    fn d9_envoys_own_answers_are_told_from_the_stores() {
        let reset = "upstream connect error or disconnect/reset before headers. reset reason: ";
        for (reason, status) in [
            ("remote connection failure", LookupStatus::Unreachable),
            (
                "remote connection failure, transport failure reason: delayed connect error: Connection refused",
                LookupStatus::Unreachable,
            ),
            ("local connection failure", LookupStatus::Unreachable),
            ("connection timeout", LookupStatus::Unreachable),
            ("overflow", LookupStatus::NotSent),
            ("connection termination", LookupStatus::Reset),
            ("remote reset", LookupStatus::Reset),
            ("protocol error", LookupStatus::Reset),
            ("", LookupStatus::Reset),
        ] {
            let body = format!("{reset}{reason}");
            assert_eq!(
                read(&answer(b"503", body.as_bytes()), "", "A"),
                Err(status),
                "{reason}"
            );
        }
        assert_eq!(
            read(&answer(b"503", b"no healthy upstream"), "", "A"),
            Err(LookupStatus::Unreachable)
        );
        assert_eq!(
            read(&answer(b"504", b"upstream request timeout"), "", "A"),
            Err(LookupStatus::Timeout)
        );
    }

    #[test]
    fn d9_a_reply_over_64_kib_is_refused_by_its_size_even_when_cut() {
        let cut = Answer {
            status: Some(b"200"),
            body: RECORD.as_bytes(),
            body_size: MAX_REPLY + 1,
        };
        assert_eq!(read(&cut, "", "ACME01"), Err(LookupStatus::TooLarge));
    }

    #[test]
    fn a_pointer_leads_to_the_record_inside_a_reply() {
        let vault = format!(
            r#"{{"request_id":"x","data":{{"data":{RECORD},"metadata":{{"version":3}}}}}}"#
        );
        let reply = answer(b"200", vault.as_bytes());
        assert!(matches!(
            read(&reply, "/data/data", "ACME01"),
            Ok(Found::Record(_))
        ));
        assert_eq!(read(&reply, "", "ACME01"), Err(LookupStatus::BadRecord));
    }
}
