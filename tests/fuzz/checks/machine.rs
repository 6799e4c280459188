//! The whole state machine, with events in any order on several streams.

use crate::oracle;
use crate::world::{self, API_KEY, GOOD_TOKEN, NOW};
use arbitrary::{Arbitrary, Unstructured};
use latchkey_core::http::RequestHead;
use latchkey_core::lookup::Answer;
use latchkey_core::outcome::{Reason, Verdict};
use latchkey_core::{Action, Engine, Event, State, Timestamp};
use sha2::{Digest, Sha256};

/// One thing that happens to one of the streams, some time after the last.
#[derive(Arbitrary, Debug)]
struct Happening<'a> {
    stream: u8,
    millis: u16,
    event: Kind<'a>,
}

#[derive(Arbitrary, Debug)]
enum Kind<'a> {
    Head {
        method: Method,
        path: Path<'a>,
        bearer: Bearer<'a>,
        is_form: bool,
        end_of_stream: bool,
    },
    Body {
        form: Form<'a>,
        complete: bool,
    },
    Overdue {
        host_delivers: bool,
    },
    Answer {
        status: Status,
        body: Body<'a>,
    },
    NotSent,
}

#[derive(Arbitrary, Debug)]
enum Method {
    Get,
    Post,
    Options,
    Connect,
}

#[derive(Arbitrary, Debug)]
enum Path<'a> {
    Token,
    Public,
    Products,
    Admin,
    Any(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Bearer<'a> {
    None,
    Good,
    Issued,
    Any(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Form<'a> {
    Right,
    Wrong,
    Any(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Status {
    Ok,
    NotFound,
    Unavailable,
    Reset,
}

#[derive(Arbitrary, Debug)]
enum Body<'a> {
    Record,
    Disabled,
    Unreachable,
    Any(&'a [u8]),
}

/// What a stream has shown so far.
#[derive(Default)]
struct Stream {
    state: State,
    /// It has been given its one head.
    begun: bool,
    /// It asked with the right key, and its lookup is under way.
    right_key: bool,
    looking: bool,
    over: bool,
}

/// A pass comes only from the head of a new request: for the public path, or with a token that the oracle accepts and
/// that is not past its `exp`. A token is issued only to a stream that asked with the right key and whose own lookup has
/// just been answered with the record that opens. What is answered stays answered.
pub fn check(data: &[u8]) {
    let Ok(happenings) = Vec::<Happening<'_>>::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    world::with_engine(|engine| run(engine, happenings));
}

fn run(engine: &mut Engine, happenings: Vec<Happening<'_>>) {
    let address = world::fresh_address();
    let mut streams: [Stream; 3] = Default::default();
    let mut issued: Option<(String, u64)> = None;
    let mut nanos = NOW * 1_000_000_000;
    for Happening {
        stream,
        millis,
        event,
    } in happenings.into_iter().take(24)
    {
        nanos += u64::from(millis) * 1_000_000;
        let stream = &mut streams[usize::from(stream) % 3];
        let now = Timestamp::from_nanos(nanos);
        let state = std::mem::take(&mut stream.state);
        let (form, body);
        let mut may_pass = None;
        let mut may_issue = false;
        let (was_over, first) = (
            stream.over,
            !stream.begun && matches!(event, Kind::Head { .. }),
        );
        let (state, step) = match event {
            Kind::Head {
                method,
                path,
                bearer,
                is_form,
                end_of_stream,
            } => {
                let value = bearer.value(issued.as_ref());
                let mut pairs = vec![(&b":method"[..], method.bytes()), (b":path", path.bytes())];
                pairs.extend(
                    value
                        .iter()
                        .map(|value| (&b"authorization"[..], &value[..])),
                );
                if is_form {
                    pairs.push((b"content-type", b"application/x-www-form-urlencoded"));
                }
                if first {
                    may_pass = Some(Expected {
                        public: path.is_healthz() && !matches!(method, Method::Connect),
                        token: value
                            .as_ref()
                            .is_some_and(|value| is_good(value, nanos, issued.as_ref())),
                    });
                }
                stream.begun = true;
                let head = RequestHead::read(pairs, end_of_stream, engine.identity());
                engine.step(state, Event::Head(head), now)
            }
            Kind::Body {
                form: sent,
                complete,
            } => {
                form = sent.bytes();
                stream.right_key =
                    matches!(sent, Form::Right) && complete && matches!(state, State::Body(_));
                let event = Event::Body {
                    bytes: &form,
                    complete,
                    address: address.as_bytes(),
                };
                engine.step(state, event, now)
            }
            Kind::Overdue { host_delivers } => {
                engine.step(state, Event::BodyOverdue { host_delivers }, now)
            }
            Kind::Answer { status, body: sent } => {
                body = sent.bytes();
                may_issue = stream.right_key
                    && stream.looking
                    && matches!((&status, &sent), (Status::Ok, Body::Record));
                let answer = Answer {
                    status: status.bytes(),
                    body: &body,
                    body_size: body.len(),
                };
                engine.step(
                    state,
                    Event::Answer {
                        answer,
                        random: [7; 16],
                    },
                    now,
                )
            }
            Kind::NotSent => engine.step(state, Event::NotSent, now),
        };
        stream.state = state;
        stream.looking = matches!(step.action, Action::Call(_));
        match step.action {
            Action::Pass(pass) => {
                let expected = may_pass.expect("only the head of a new request passes");
                assert_eq!(pass.outcome().verdict, Verdict::Allowed);
                let right = if pass.outcome().reason == Reason::Public {
                    expected.public
                } else {
                    expected.token
                };
                assert!(right, "{:?}", pass.outcome());
                stream.over = true;
            }
            Action::Reply(reply) => {
                // The state after a pass takes a second head, and answers it; never the other way round.
                assert!(!was_over || reply.status != 200, "{reply:?}");
                assert_eq!(reply.status == 200, reply.outcome.reason == Reason::Issued);
                if reply.status == 200 {
                    assert!(may_issue, "{reply:?}");
                    let body: serde_json::Value = serde_json::from_str(&reply.body).expect("JSON");
                    let token = body["access_token"].as_str().expect("a token").to_owned();
                    issued = Some((token, nanos / 1_000_000_000 + 3600));
                }
                stream.over = true;
            }
            Action::AwaitBody | Action::Call(_) => assert!(!was_over),
            Action::Wait => {}
        }
    }
}

struct Expected {
    public: bool,
    token: bool,
}

/// The good token lives for 60 s, an issued one for an hour; any other is judged by the oracle, and has no `exp` of ours.
fn is_good(value: &[u8], nanos: u64, issued: Option<&(String, u64)>) -> bool {
    let Some(token) = value.get(7..) else {
        return false;
    };
    if token == GOOD_TOKEN.as_bytes() {
        return nanos < (NOW + 60) * 1_000_000_000;
    }
    match issued {
        Some((own, exp)) if own.as_bytes() == token => nanos < exp * 1_000_000_000,
        _ => oracle::subject(token).is_some(),
    }
}

impl Method {
    fn bytes(&self) -> &'static [u8] {
        match self {
            Self::Get => b"GET",
            Self::Post => b"POST",
            Self::Options => b"OPTIONS",
            Self::Connect => b"CONNECT",
        }
    }
}

impl Path<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Token => b"/auth/token",
            Self::Public => b"/healthz",
            Self::Products => b"/products",
            Self::Admin => b"/admin/x",
            Self::Any(bytes) => bytes,
        }
    }

    /// `/public/` is left to the target `path`: nobody but the fuzzer writes it here.
    fn is_healthz(&self) -> bool {
        let path = self
            .bytes()
            .split(|&byte| byte == b'?')
            .next()
            .unwrap_or_default();
        path == b"/healthz" || path.starts_with(b"/public/")
    }
}

impl Bearer<'_> {
    fn value(&self, issued: Option<&(String, u64)>) -> Option<Vec<u8>> {
        let bearer = |token: &str| format!("Bearer {token}").into_bytes();
        match self {
            Self::None => None,
            Self::Good => Some(bearer(&GOOD_TOKEN)),
            Self::Issued => issued.map(|(token, _)| bearer(token)),
            Self::Any(bytes) => Some(bytes.to_vec()),
        }
    }
}

impl Form<'_> {
    fn bytes(&self) -> Vec<u8> {
        let with = |key: &str| {
            format!("grant_type=client_credentials&client_id=ACME01&client_secret={key}")
                .into_bytes()
        };
        match self {
            Self::Right => with(API_KEY),
            Self::Wrong => with("lk_another"),
            Self::Any(bytes) => bytes.to_vec(),
        }
    }
}

impl Status {
    fn bytes(&self) -> Option<&'static [u8]> {
        match self {
            Self::Ok => Some(b"200"),
            Self::NotFound => Some(b"404"),
            Self::Unavailable => Some(b"503"),
            Self::Reset => None,
        }
    }
}

impl Body<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Record => record(true),
            Self::Disabled => record(false),
            Self::Unreachable => b"no healthy upstream".to_vec(),
            Self::Any(bytes) => bytes.to_vec(),
        }
    }
}

fn record(enabled: bool) -> Vec<u8> {
    let digest: String = Sha256::digest(API_KEY)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let key =
        serde_json::json!({"id": "k", "hash": format!("sha256:{digest}"), "expires_at": null});
    serde_json::json!({"client_id": "ACME01", "enabled": enabled, "scope": "read", "keys": [key]})
        .to_string()
        .into_bytes()
}
