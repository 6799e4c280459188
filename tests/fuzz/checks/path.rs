//! Paths (D17), as they come and with a query behind them.

use crate::world::{self, GOOD_TOKEN};
use latchkey_core::Action;
use latchkey_core::outcome::Reason;

/// Public exactly where the path is the rule's, byte for byte, and can be read in one way only. No spelling reaches
/// what a rule asks more for, or denies, with a token that is not enough for it.
pub fn check(data: &[u8]) {
    let path = data.split(|&byte| byte == b'?').next().unwrap_or_default();
    if path == b"/auth/token" {
        return;
    }
    let is_public = path == b"/healthz" || (path.starts_with(b"/public/") && reads_one_way(path));
    match world::get(data, &[]) {
        Action::Pass(pass) => {
            assert!(is_public, "{}", String::from_utf8_lossy(data));
            assert_eq!(pass.outcome().reason, Reason::Public);
            assert!(pass.edits().set().is_empty());
        }
        Action::Reply(reply) => assert!(
            !is_public && reply.status == 401,
            "{}",
            String::from_utf8_lossy(data)
        ),
        other => panic!("{other:?}"),
    }
    let value = format!("Bearer {}", *GOOD_TOKEN);
    if let Action::Pass(pass) = world::get(data, &[(b"authorization", value.as_bytes())]) {
        for reading in readings(path) {
            let guarded = [&b"/admin/"[..], b"/internal/"]
                .iter()
                .any(|rule| reading.starts_with(rule));
            assert!(
                !guarded || is_public,
                "{} is {}",
                String::from_utf8_lossy(data),
                String::from_utf8_lossy(&reading)
            );
        }
        assert_eq!(pass.outcome().reason == Reason::Public, is_public);
    }
}

/// Whether every server reads the same path: nothing in it decodes to, or is, what a server might resolve or cut.
fn reads_one_way(path: &[u8]) -> bool {
    let visible = path.iter().all(u8::is_ascii_graphic);
    let special = path.iter().any(|byte| b"\\;#?".contains(byte));
    let escapes = path.split(|&byte| byte == b'%').skip(1).all(|after| {
        let Some(byte) = after.get(..2).and_then(unhex) else {
            return false;
        };
        let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !unreserved && byte >= 0x20 && byte != 0x7f && !b"/\\;%".contains(&byte)
    });
    visible && !special && escapes && resolved(path) == path
}

/// What servers make of a path: decoded up to twice, parameters cut, slashes merged, dot segments resolved.
fn readings(path: &[u8]) -> Vec<Vec<u8>> {
    let (once, twice) = (decoded(path), decoded(&decoded(path)));
    let mut all = Vec::new();
    for text in [path, &once, &twice] {
        all.push(resolved(text));
        let cut: Vec<&[u8]> = text
            .split(|&byte| byte == b'/' || byte == b'\\')
            .map(|segment| {
                segment
                    .split(|&byte| byte == b';')
                    .next()
                    .unwrap_or_default()
            })
            .collect();
        all.push(resolved(&cut.join(&b'/')));
    }
    all
}

fn resolved(path: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = path
        .iter()
        .map(|&byte| if byte == b'\\' { b'/' } else { byte })
        .collect();
    let segments: Vec<&[u8]> = text.split(|&byte| byte == b'/').collect();
    let folder = segments
        .last()
        .is_none_or(|last| [&b""[..], b".", b".."].contains(last));
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in segments {
        match segment {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let mut path: Vec<u8> = kept
        .iter()
        .flat_map(|segment| [b"/", *segment].concat())
        .collect();
    if folder {
        path.push(b'/');
    }
    path
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = if byte == b'%' {
            after.get(..2).and_then(unhex)
        } else {
            None
        };
        bytes.push(escape.unwrap_or(byte));
        rest = if escape.is_some() { &after[2..] } else { after };
    }
    bytes
}

fn unhex(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u8::from_str_radix(text, 16).ok()
}
