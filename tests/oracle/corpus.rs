//! Tokens by the thousand, good and broken, the same in every run.

use crate::random::Random;
use latchkey_tests::files::checkout;
use latchkey_tests::recipe::{Kitchen, Recipe};
use latchkey_tests::vectors::Configurations;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;

/// How many tokens there are of each kind.
const OF_EACH: usize = 120;

/// One kind of tokens, as `kinds.yaml` has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// What is special about it.
    pub kind: String,
    /// The configuration that it is checked against.
    #[serde(default = "single")]
    pub configuration: String,
    /// How its tokens are made.
    #[serde(default)]
    recipes: Vec<Recipe>,
    /// What is done to the bytes of a good one.
    bend: Option<Bend>,
    /// Where the two may differ.
    #[serde(default)]
    pub disagree: Vec<Disagreement>,
}

/// A difference, and why it is right.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disagreement {
    /// The filter's word.
    pub latchkey: String,
    /// `accepted`, or the exception.
    pub joserfc: String,
    /// The explanation.
    pub because: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Bend {
    Change,
    Lose,
    Insert,
    Swap,
    Cut,
    White,
    Case,
}

/// Every kind.
#[track_caller]
pub fn kinds() -> Vec<Kind> {
    let text = fs::read_to_string(checkout().join("tests/oracle/kinds.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

impl Kind {
    /// Its tokens.
    pub fn tokens(&self, known: &Configurations, now: u64) -> Vec<Vec<u8>> {
        (0..OF_EACH)
            .map(|number| self.token(number, known, now))
            .collect()
    }

    fn token(&self, number: usize, known: &Configurations, now: u64) -> Vec<u8> {
        let mut random = Random::of(&self.kind, number as u64);
        let claims = made_up(&mut random);
        let plain = Recipe::default();
        let recipe = match self.recipes.len() {
            0 => &plain,
            count => &self.recipes[number % count],
        };
        let members: Vec<String> = claims
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        let mut filled =
            |text: &String| any(&mut random, text).replace("<good>", &members.join(","));
        let recipe = Recipe {
            header: filled(&recipe.header),
            claims: recipe.claims.as_ref().map(&mut filled),
            set: recipe
                .set
                .iter()
                .map(|(name, value)| (name.clone(), value.as_ref().map(&mut filled)))
                .collect(),
            ..recipe.clone()
        };
        let kitchen = Kitchen {
            claims: &claims,
            secrets: &known.secrets,
            now,
        };
        let token = recipe.token(&kitchen);
        match self.bend {
            Some(bend) => bend.apply(&mut random, token),
            None => token,
        }
    }
}

/// Claims that are good, and like no others.
fn made_up(random: &mut Random) -> BTreeMap<String, String> {
    const CODE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let code = random.text(CODE, 1, 12);
    let scope = ["read", "read write", "write read", "read offers:write"][random.below(4)];
    let mut claims = BTreeMap::from(
        [
            ("iss", "\"https://api.example.com\"".to_owned()),
            ("aud", "\"https://api.example.com\"".to_owned()),
            ("sub", format!("\"{code}\"")),
            ("client_id", format!("\"{code}\"")),
            ("iat", format!("<now-{}>", random.between(0, 3600))),
            ("exp", format!("<now+{}>", random.between(1, 3600))),
            ("jti", format!("\"{}\"", random.text(CODE, 22, 22))),
            ("scope", format!("\"{scope}\"")),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let more = ["null", "true", "[]", "{\"a\":[1,\"b\"]}", "-0.5e-3", "\"\""];
    for _ in 0..random.below(3) {
        let name = random.text("abcdefghijklmnopqrstuvwxyz", 4, 9);
        claims.insert(name, more[random.below(more.len())].to_owned());
    }
    claims
}

/// Numbers in the place of `<any:LOW:HIGH>`.
fn any(random: &mut Random, text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<any:") {
        let (range, after) = after.split_once('>').expect("a > behind <any:");
        let (low, high) = range.split_once(':').expect("two numbers");
        filled.push_str(before);
        filled.push_str(
            &random
                .between(low.parse().unwrap(), high.parse().unwrap())
                .to_string(),
        );
        rest = after;
    }
    filled + rest
}

impl Bend {
    fn apply(self, random: &mut Random, mut token: Vec<u8>) -> Vec<u8> {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/~ \t\r\n,\"\0\x7f\x80\xff";
        let at = random.below(token.len());
        let letter = LETTERS[random.below(LETTERS.len())];
        match self {
            // Where it is that letter already, it becomes the next.
            Self::Change if token[at] == letter => token[at] = letter.wrapping_add(1),
            Self::Change => token[at] = letter,
            Self::Lose => drop(token.remove(at)),
            Self::Insert => token.insert(at, letter),
            Self::Swap => {
                let other = random.below(token.len());
                token.swap(at, other);
            }
            Self::Cut => token.truncate(at),
            Self::White => token.insert(at, b" \t\r\n\x0b\x0c"[random.below(6)]),
            Self::Case => {
                let letters: Vec<usize> = (0..token.len())
                    .filter(|&at| token[at].is_ascii_alphabetic())
                    .collect();
                let at = letters[random.below(letters.len())];
                token[at] ^= 0x20;
            }
        }
        token
    }
}

fn single() -> String {
    "single".to_owned()
}
