//! JSON from strangers, read strictly.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// An object's members by name.
pub type Members<'a> = BTreeMap<Cow<'a, str>, Json<'a>>;

/// A JSON value in which no object names a member twice, however the name is escaped (RFC 8725
/// section 2.4, RFC 7515 section 4: duplicates are refused rather than resolved).
///
/// serde_json bounds the depth (128) and refuses numbers that no `f64` can hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// Any number.
    Number(Number),
    /// A string, borrowed where it has no escapes.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<Json<'a>>),
    /// An object.
    Object(Members<'a>),
}

impl<'a> Json<'a> {
    /// Reads one value and nothing behind it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The text, where the value is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, where the value is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// The value a JSON Pointer (RFC 6901) leads to from here; the empty pointer leads to the whole.
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer
            .strip_prefix('/')?
            .split('/')
            .try_fold(self, |value, token| {
                let token = token.replace("~1", "/").replace("~0", "~");
                match value {
                    Self::Object(members) => members.get(token.as_str()),
                    Self::Array(items) if is_index(&token) => {
                        items.get(token.parse::<usize>().ok()?)
                    }
                    _ => None,
                }
            })
    }
}

/// Whether a text is a JSON Pointer (RFC 6901 section 3).
pub fn is_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/'))
        && text
            .split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']))
}

fn is_index(token: &str) -> bool {
    token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()))
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(Json::Number(number))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let mut members = BTreeMap::new();
        while let Some(Name(name)) = map.next_key()? {
            if members.insert(name, map.next_value()?).is_some() {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(Json::Object(members))
    }
}

/// A member's name. `Cow<str>` itself would copy every one of them (serde borrows only where told to).
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d15_a_member_named_twice_is_refused_however_it_is_escaped_and_at_any_depth() {
        for twice in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"x":[{"a":1,"b":2,"a":3}]}"#,
        ] {
            assert!(Json::parse(twice.as_bytes()).is_err(), "{twice}");
        }
        assert!(Json::parse(br#"{"a":{"a":1},"A":2}"#).is_ok());
    }

    #[test]
    fn depth_numbers_and_bytes_out_of_bounds_are_errors() {
        let deep = "[".repeat(10_000);
        for bad in [
            deep.as_bytes(),
            b"1e400",
            b"\"\xff\"",
            b"{} {}",
            b"",
            b"\"\\ud800\"",
            b"01",
            b"\xef\xbb\xbf{}",
        ] {
            assert!(
                Json::parse(bad).is_err(),
                "{}",
                String::from_utf8_lossy(bad)
            );
        }
    }

    #[test]
    fn pointers_follow_rfc_6901() {
        let json = Json::parse(br#"{"a/b":{"m~n":[10,20]},"":1,"0":2}"#).unwrap();
        assert_eq!(
            json.pointer("/a~1b/m~0n/1").and_then(Json::as_f64),
            Some(20.0)
        );
        assert_eq!(json.pointer("").unwrap(), &json);
        assert_eq!(json.pointer("/").and_then(Json::as_f64), Some(1.0));
        assert_eq!(json.pointer("/0").and_then(Json::as_f64), Some(2.0));
        for nowhere in ["/a~1b/m~0n/01", "/a~1b/m~0n/2", "/x", "/a~1b/m~0n/-", "a"] {
            assert_eq!(json.pointer(nowhere), None, "{nowhere}");
        }
        for (text, legal) in [
            ("", true),
            ("/a~0~1", true),
            ("a", false),
            ("/~", false),
            ("/~2", false),
        ] {
            assert_eq!(is_pointer(text), legal, "{text}");
        }
    }
}
