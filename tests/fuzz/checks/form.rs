//! A token request's body and its Basic header (D1 to D4). The first byte is the header's length, or zero for none; the
//! header follows, then the body.

use crate::oracle;
use crate::world::{self, NOW};
use latchkey_core::lookup::Answer;
use latchkey_core::{Action, Event};
use sha2::{Digest, Sha256};

/// What is looked up, and the key that opens, are what `form_urlencoded` and RFC 7617 make of the bytes. What they
/// read as a repeated parameter, or cannot read, is never looked up.
pub fn check(data: &[u8]) {
    let (&length, rest) = data.split_first().unwrap_or((&0, b""));
    let (authorization, body) = rest.split_at(rest.len().min(usize::from(length)));
    let mut head = vec![
        (&b":method"[..], &b"POST"[..]),
        (b":path", b"/auth/token"),
        (b"content-type", b"application/x-www-form-urlencoded"),
    ];
    if !authorization.is_empty() {
        head.push((b"authorization", authorization));
    }
    let expected = Asked::read(authorization, body);
    world::with_engine(|engine| {
        let (state, _) = world::head(engine, &head, false);
        let address = world::fresh_address();
        let event = Event::Body {
            bytes: body,
            complete: true,
            address: address.as_bytes(),
        };
        let (state, step) = engine.step(state, event, world::now());
        let call = match step.action {
            Action::Call(call) => call,
            Action::Reply(reply) => {
                assert!(matches!(reply.status, 400 | 401 | 413), "{reply:?}");
                let plain =
                    expected.filter(|asked| !asked.basic && asked.ids.iter().all(|id| is_code(id)));
                assert!(
                    plain.is_none(),
                    "{} is refused: {reply:?}",
                    String::from_utf8_lossy(body)
                );
                return;
            }
            other => panic!("{other:?}"),
        };
        let asked =
            expected.unwrap_or_else(|| panic!("{} is looked up", String::from_utf8_lossy(body)));
        let path = &call
            .headers
            .iter()
            .find(|(name, _)| name == ":path")
            .expect("a path")
            .1;
        let id = asked
            .ids
            .iter()
            .find(|id| *path == format!("/v1/clients/{}", segment(id)));
        let id = id.unwrap_or_else(|| panic!("{path} is none of {:?}", asked.ids));
        assert!(is_code(id), "{id}");
        // The same record opens for one reading of the key, and for nothing else.
        let secret = asked.secrets.first().expect("there is a secret");
        let record = record(id, secret);
        let answer = Answer {
            status: Some(b"200"),
            body: record.as_bytes(),
            body_size: record.len(),
        };
        let (_, step) = engine.step(
            state,
            Event::Answer {
                answer,
                random: [7; 16],
            },
            world::now(),
        );
        match step.action {
            Action::Reply(reply) if asked.scope_fits => {
                assert_eq!(reply.status, 200, "{id} {reply:?}")
            }
            Action::Reply(reply) => assert_eq!(reply.status, 400, "{reply:?}"),
            other => panic!("{other:?}"),
        }
    });
}

/// What a request that may be looked up asks for.
struct Asked {
    basic: bool,
    /// The Customer Code in each reading.
    ids: Vec<String>,
    /// The key in each reading, the one tried first in front.
    secrets: Vec<Vec<u8>>,
    scope_fits: bool,
}

impl Asked {
    fn read(authorization: &[u8], body: &[u8]) -> Option<Self> {
        let one = |name: &str| -> Option<Option<String>> {
            let mut values = form_urlencoded::parse(body).filter(|(known, _)| known == name);
            let first = values.next().map(|(_, value)| value.into_owned());
            // The crate puts U+FFFD in the place of what is not UTF-8, which cannot be told from one that was sent.
            let is_text = body.split(|&byte| byte == b'&').all(|pair| {
                let mut parts = pair.splitn(2, |&byte| byte == b'=').map(unescaped);
                let named = parts.next().is_some_and(|known| known == name.as_bytes());
                !named || String::from_utf8(parts.next().unwrap_or_default()).is_ok()
            });
            (is_text && values.next().is_none()).then(|| first.filter(|value| !value.is_empty()))
        };
        let (grant_type, id, secret, scope) = (
            one("grant_type")?,
            one("client_id")?,
            one("client_secret")?,
            one("scope")?,
        );
        if grant_type.as_deref() != Some("client_credentials") || body.len() > 16 * 1024 {
            return None;
        }
        if scope.as_ref().is_some_and(|scope| !oracle::is_scope(scope)) {
            return None;
        }
        let scope_fits = scope.is_none_or(|scope| scope.split(' ').all(|token| token == "read"));
        let Some(scheme) = authorization
            .get(..5)
            .filter(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
        else {
            let (id, secret) = (id?, secret?);
            return is_code(&id).then(|| Self {
                basic: false,
                ids: vec![id],
                secrets: vec![secret.into_bytes()],
                scope_fits,
            });
        };
        let text = authorization[scheme.len()..].strip_prefix(b" ")?;
        let text = String::from_utf8(text.to_vec()).ok()?;
        let decoded = oracle::unbase64(
            oracle::BASE64,
            text.trim_start_matches(' ')
                .trim_end_matches('=')
                .as_bytes(),
        )?;
        let colon = decoded.iter().position(|&byte| byte == b':')?;
        let (user, password) = (&decoded[..colon], &decoded[colon + 1..]);
        let ids: Vec<String> = [unescaped(user), user.to_vec()]
            .into_iter()
            .filter_map(|reading| String::from_utf8(reading).ok())
            .collect();
        let same = id.is_none_or(|id| ids.contains(&id));
        (secret.is_none() && same && !user.is_empty() && !password.is_empty()).then(|| Self {
            basic: true,
            ids,
            secrets: vec![unescaped(password), password.to_vec()],
            scope_fits,
        })
    }
}

/// What a Customer Code may be (RFC 6749 appendix A.1), as far as it makes one path segment, and is no API Key: those
/// never leave Envoy.
fn is_code(id: &str) -> bool {
    let random = id.strip_prefix("lk_").unwrap_or_default();
    let is_key = random.len() == 43 && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let fits = !id.is_empty() && id.len() <= 256 && oracle::is_header_value(id.as_bytes());
    fits && !is_key && !matches!(id, "." | "..")
}

/// Appendix B: `+` is a space, then percent-decoding; a broken escape stays.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = after
            .get(..2)
            .filter(|digits| byte == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        rest = if escape.is_some() { &after[2..] } else { after };
        bytes.push(match escape {
            Some(digits) => {
                u8::from_str_radix(&String::from_utf8_lossy(digits), 16).expect("two digits")
            }
            None if byte == b'+' => b' ',
            None => byte,
        });
    }
    bytes
}

fn segment(id: &str) -> String {
    let encode = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    id.bytes().map(encode).collect()
}

fn record(id: &str, secret: &[u8]) -> String {
    let digest: String = Sha256::digest(secret)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let keys =
        [serde_json::json!({"id": "k", "hash": format!("sha256:{digest}"), "expires_at": NOW + 1})];
    serde_json::json!({"client_id": id, "enabled": true, "scope": "read", "keys": keys}).to_string()
}
