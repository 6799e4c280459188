//! Lookups at a fixed rate.

use super::accounts;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) token: &'static str,
    pub(crate) customers: u32,
    pub(crate) connections: u64,
    pub(crate) rate: u64,
}

#[derive(Default)]
pub(crate) struct Latencies {
    sorted: Vec<Duration>,
    pub(crate) failed: usize,
}

impl Load {
    /// Each lookup has a moment at which it is due, and its time counts from there: a slow answer makes those that
    /// wait for it slow too, as it would for their callers.
    pub(crate) async fn run(&self, duration: Duration) -> Latencies {
        let mut tasks = JoinSet::new();
        let start = Instant::now() + Duration::from_millis(100);
        let period = Duration::from_secs_f64(self.connections as f64 / self.rate as f64);
        for number in 0..self.connections {
            let first = start + period.mul_f64(number as f64 / self.connections as f64);
            let connection = Connection {
                sender: connect(self.address).await,
                authorization: format!("Bearer {}", self.token),
                customers: self.customers,
                random: number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            };
            tasks.spawn(connection.run(first, period, start + duration));
        }
        let mut all = Latencies::default();
        while let Some(part) = tasks.join_next().await {
            let part = part.unwrap();
            all.sorted.extend(part.sorted);
            all.failed += part.failed;
        }
        all.sorted.sort_unstable();
        all
    }
}

impl Latencies {
    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The time within which this share of the lookups was answered.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let index = (self.sorted.len() as f64 * share) as usize;
        self.sorted[index.min(self.sorted.len() - 1)]
    }
}

struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    authorization: String,
    customers: u32,
    random: u64,
}

impl Connection {
    async fn run(mut self, first: Instant, period: Duration, end: Instant) -> Latencies {
        let mut latencies = Latencies::default();
        let mut due = first;
        while due < end {
            sleep_until(due).await;
            let found = self.lookup().await;
            latencies.sorted.push(due.elapsed());
            latencies.failed += usize::from(!found);
            due += period;
        }
        latencies
    }

    /// Whether a record of the right customer came.
    async fn lookup(&mut self) -> bool {
        let code = accounts::code(self.next_number());
        let request = Request::get(format!("/v1/clients/{code}"))
            .header("host", "store")
            .header("authorization", &self.authorization)
            .body(Empty::new())
            .unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        status == StatusCode::OK
            && body.starts_with(format!("{{\"client_id\":\"{code}\"").as_bytes())
    }

    /// xorshift64: any customer, as likely as any other.
    fn next_number(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % u64::from(self.customers)) as u32
    }
}

async fn connect(address: SocketAddr) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}
