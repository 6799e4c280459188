//! What a virtual machine of the filter takes, at the start and after a million requests, and how long it takes to start.

use anyhow::{Context, Result};
use latchkey_tests::{Bootstrap, Envoy, files};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process;
use std::time::Instant;

use crate::cpu::{self, Cores};
use crate::progress::Progress;
use crate::statistics::Quartiles;
use crate::tokens::Issuer;
use crate::wrk;

/// No other mapping has so much address space that must not be touched: V8 keeps it behind the memory of a module, so
/// that it need not check addresses.
const GUARD: u64 = 4 << 30;

/// So many different tokens are sent.
const TOKENS: usize = 100_000;

#[derive(Serialize)]
pub struct Memory {
    /// Of the module's file.
    pub module_bytes: u64,
    /// Of linear memory, for each virtual machine.
    pub at_start: Vec<u64>,
    /// The same after the requests.
    pub after: Vec<u64>,
    /// The largest on the way there.
    pub along: Vec<Point>,
    pub requests: u64,
    pub tokens: usize,
    /// Milliseconds from the start of Envoy to its being ready, without the filter.
    pub start_without: Quartiles,
    /// The same with it.
    pub start_with: Quartiles,
    /// The differences.
    pub start_added: Quartiles,
}

/// The largest linear memory after so many requests.
#[derive(Clone, Copy, Serialize)]
pub struct Point {
    pub requests: u64,
    pub bytes: u64,
}

impl Memory {
    /// By how many bytes the largest linear memory grew after every token had been seen, if there was time for that.
    pub fn grown(&self) -> Option<u64> {
        let all_seen = |point: &&Point| point.requests >= self.tokens as u64;
        let first = self.along.iter().find(all_seen)?;
        let last = self.along.last()?;
        (last.requests > first.requests).then(|| last.bytes.saturating_sub(first.bytes))
    }
}

/// The same Envoy with the filter and without it.
pub struct Setup<'a> {
    pub with: Bootstrap,
    pub without: Bootstrap,
    pub environment: &'a [(&'a str, &'a str)],
    pub issuer: Issuer,
    pub folder: PathBuf,
    pub cores: Cores,
}

impl Setup<'_> {
    /// Starts Envoy so often either way, and sends so many requests.
    pub fn measure(&self, requests: u64, starts: usize) -> Result<Memory> {
        let mut progress = Progress::new("starts of Envoy", starts);
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for start in 0..starts {
            with.push(self.time_to_ready(&self.with)?);
            without.push(self.time_to_ready(&self.without)?);
            progress.at(start + 1);
        }

        let envoy = self.start(&self.with)?;
        let process = envoy.process().id();
        cpu::pin(process, self.cores.envoy)?;
        let at_start = linear_memories(process)?;
        let along = self.send(process, envoy.listener("latchkey"), requests)?;
        let sent = along.last().map_or(0, |point| point.requests);
        Ok(Memory {
            module_bytes: fs::metadata(files::module()?)?.len(),
            at_start,
            after: linear_memories(process)?,
            along,
            requests: sent,
            tokens: TOKENS.min(sent as usize),
            start_added: Quartiles::of(
                with.iter()
                    .zip(&without)
                    .map(|(with, without)| with - without),
            ),
            start_with: Quartiles::of(with),
            start_without: Quartiles::of(without),
        })
    }

    fn start(&self, bootstrap: &Bootstrap) -> Result<Envoy> {
        Envoy::start_with_workers(&self.folder, bootstrap, self.environment, 1)
    }

    /// Milliseconds, on both cores: V8 compiles a module with as many threads as there are cores.
    fn time_to_ready(&self, bootstrap: &Bootstrap) -> Result<f64> {
        let Cores { envoy, rest } = self.cores;
        cpu::keep(process::id(), &[envoy, rest])?;
        let started = Instant::now();
        let envoy = self.start(bootstrap)?;
        let time = started.elapsed().as_secs_f64() * 1000.0;
        envoy.stop();
        cpu::pin(process::id(), rest)?;
        Ok(time)
    }

    /// Sends at least so many requests, with the tokens in turn, and looks at the memory on the way.
    fn send(&self, process: u32, address: SocketAddr, requests: u64) -> Result<Vec<Point>> {
        let script = self.token_script()?;
        let mut progress = Progress::new("memory: requests", requests as usize);
        let (mut sent, mut along) = (0, Vec::new());
        while sent < requests {
            let load = wrk::Load {
                address,
                path: "/",
                // Where the script goes on.
                header: format!("x-start: {sent}"),
                callers: 32,
                seconds: 5,
                script: Some(script.clone()),
            };
            let outcome = load.run()?;
            outcome.expect(true, "latchkey")?;
            sent += outcome.requests;
            let largest = linear_memories(process)?.into_iter().max();
            along.push(Point {
                requests: sent,
                bytes: largest.unwrap_or_default(),
            });
            progress.at(sent.min(requests) as usize);
        }
        Ok(along)
    }

    fn token_script(&self) -> Result<PathBuf> {
        let list = self.folder.join("tokens");
        let mut file = BufWriter::new(File::create(&list)?);
        for number in 0..TOKENS {
            writeln!(file, "{}", self.issuer.token(number))?;
        }
        file.flush()?;
        let script = self.folder.join("tokens.lua");
        fs::write(
            &script,
            TOKEN_SCRIPT.replace("LIST", &list.display().to_string()),
        )?;
        Ok(script)
    }
}

/// Makes requests for wrk.
const TOKEN_SCRIPT: &str = r#"local tokens, last = {}, nil
for line in io.lines("LIST") do tokens[#tokens + 1] = line end
function request()
  last = (last or tonumber(wrk.headers["x-start"])) % #tokens + 1
  return wrk.format("GET", "/products", { ["authorization"] = "Bearer " .. tokens[last] })
end
"#;

/// The size of each linear memory of a process, from its map of addresses.
fn linear_memories(process: u32) -> Result<Vec<u64>> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    let areas: Option<Vec<(u64, u64, &str)>> = maps.lines().map(area).collect();
    let areas = areas.context("/proc/…/maps is not as expected")?;
    let memories = areas.windows(2).filter_map(|pair| {
        let [(start, end, access), (guard_start, guard_end, guard)] = *pair else {
            return None;
        };
        let guarded = guard == "---p" && guard_start == end && guard_end - guard_start >= GUARD;
        (access == "rw-p" && guarded).then_some(end - start)
    });
    Ok(memories.collect())
}

/// `start-end access …`
fn area(line: &str) -> Option<(u64, u64, &str)> {
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some((number(start)?, number(end)?, words.next()?))
}
