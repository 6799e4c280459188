//! Request paths: which of them say plainly what they mean (D17).

use std::borrow::Cow;

/// A path in canonical form: what an access rule may be written for, and the only kind a public rule
/// or the token endpoint is reached by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath(Vec<u8>);

impl CanonicalPath {
    /// Takes a path, without query, that [`is_canonical`].
    pub fn new(path: &[u8]) -> Option<Self> {
        is_canonical(path).then(|| Self(path.to_vec()))
    }

    /// The path's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Whether servers can only read a path one way. It is not canonical if it holds an empty segment
/// (`//`), a dot segment, `\`, `;`, `#`, `?`, anything that is not visible ASCII, or an escape that is
/// broken, hides a character which needs none (`%41`, `%2e`), is a separator (`%2f`, `%5c`, `%3b`), a
/// control, or makes another escape when decoded (`%2541`).
pub fn is_canonical(path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(b"/") else {
        return false;
    };
    let mut segments = rest.split(|&byte| byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if (segment.is_empty() && !last) || matches!(segment, b"." | b"..") || !is_plain(segment) {
            return false;
        }
    }
    true
}

/// Every way a server behind the filter might read a path that is not canonical: percent-decoded
/// never, once or twice; with and without `;parameters`; with `\` as `/`, slashes merged and dot
/// segments resolved. An access rule that asks for more must not be escaped by any of them.
pub fn readings(path: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![path.to_vec()];
    let mut decoded = Cow::Borrowed(path);
    for _ in 0..=2 {
        for keep_parameters in [true, false] {
            let reading = resolve(&decoded, keep_parameters);
            if !all.contains(&reading) {
                all.push(reading);
            }
        }
        decoded = Cow::Owned(percent_encoding::percent_decode(&decoded).collect());
    }
    all
}

fn is_plain(segment: &[u8]) -> bool {
    let mut bytes = segment.iter();
    while let Some(&byte) = bytes.next() {
        let plain = match byte {
            b'\\' | b';' | b'#' | b'?' => false,
            b'%' => match (bytes.next(), bytes.next()) {
                (Some(&high), Some(&low)) => is_needed_escape(high, low),
                _ => false,
            },
            _ => byte.is_ascii_graphic(),
        };
        if !plain {
            return false;
        }
    }
    true
}

fn is_needed_escape(high: u8, low: u8) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (Some(high), Some(low)) = (digit(high), digit(low)) else {
        return false;
    };
    let byte = u8::try_from(high.saturating_mul(16).saturating_add(low)).unwrap_or_default();
    // RFC 3986 section 2.3: unreserved characters are the same with and without an escape.
    let unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !unreserved && !byte.is_ascii_control() && !b"/\\;%".contains(&byte)
}

fn resolve(path: &[u8], keep_parameters: bool) -> Vec<u8> {
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut ends_in_slash = true;
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        let name = if keep_parameters {
            segment
        } else {
            segment
                .split(|&byte| byte == b';')
                .next()
                .unwrap_or_default()
        };
        ends_in_slash = matches!(name, b"" | b"." | b"..");
        match name {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            _ => segments.push(name),
        }
    }
    let mut resolved = Vec::with_capacity(path.len());
    for segment in &segments {
        resolved.push(b'/');
        resolved.extend_from_slice(segment);
    }
    if ends_in_slash {
        resolved.push(b'/');
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d17_only_a_path_that_reads_one_way_is_canonical() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/a/b",
            "/a.b/..c/...",
            "/a%20b",
            "/a~b",
            "/caf%C3%A9",
            "/a:b@c!$&'()*+,=",
            "/%22",
        ] {
            assert!(is_canonical(path.as_bytes()), "{path}");
        }
        for path in [
            "",
            "a",
            "*",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/.",
            "/..",
            "/./a",
            "/a/../b",
            "/a/..",
            "/a/.",
            "/a\\b",
            "/a;b",
            "/a%2fb",
            "/a%2Fb",
            "/%2e",
            "/%2E%2e/a",
            "/a%00",
            "/a%5cb",
            "/a%3bb",
            "/a%",
            "/a%2",
            "/a%zz",
            "/tok%65n",
            "/a%252fb",
            "/a%25",
            "/a b",
            "/a#b",
            "/a?b",
            "/a\tb",
            "/é",
            "/a%7f",
            "http://h/a",
        ] {
            assert!(!is_canonical(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn d17_a_hidden_path_is_among_the_readings() {
        for hidden in [
            "//admin/x",
            "/./admin/x",
            "/a/../admin/x",
            "/%61dmin/x",
            "/%2561dmin/x",
            "/a/..%2fadmin/x",
            "\\admin\\x",
            "/admin;v=1/x",
            "/a/..;p/admin/x",
            "/a/%2e%2e/admin/x",
            "/admin%2fx",
            "/admin/./x",
            "/admin//x",
            "/../admin/x",
        ] {
            let found = readings(hidden.as_bytes());
            assert!(found.contains(&b"/admin/x".to_vec()), "{hidden}");
            assert_eq!(found[0], hidden.as_bytes());
        }
    }

    #[test]
    fn d17_a_trailing_slash_or_dot_segment_keeps_the_path_a_folder() {
        assert_eq!(resolve(b"/admin/.", true), b"/admin/");
        assert_eq!(resolve(b"/admin/x/..", true), b"/admin/");
        assert_eq!(resolve(b"//", true), b"/");
    }
}
