//! Which core runs what, and how long it ran.

use anyhow::{Context, Result, bail};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// One core for Envoy, and one for all that it talks to.
#[derive(Clone, Copy)]
pub struct Cores {
    pub envoy: usize,
    pub rest: usize,
}

impl Cores {
    /// The first two that this process may use.
    pub fn choose() -> Result<Self> {
        let allowed = sched_getaffinity(Pid::from_raw(0))?;
        let mut cores = (0..CpuSet::count()).filter(|&core| allowed.is_set(core) == Ok(true));
        match (cores.next(), cores.next()) {
            (Some(envoy), Some(rest)) => Ok(Self { envoy, rest }),
            _ => bail!(
                "measuring needs two cores, one of them for Envoy alone; this process may use only one"
            ),
        }
    }
}

/// Keeps every thread that a process has, and every one these will start, on one core.
pub fn pin(process: u32, core: usize) -> Result<()> {
    keep(process, &[core])
}

/// The same on some cores.
pub fn keep(process: u32, cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core)?;
    }
    for task in tasks(process)? {
        let id = task.file_name().and_then(|name| name.to_str());
        let id: i32 = id.context("a task without a number")?.parse()?;
        sched_setaffinity(Pid::from_raw(id), &set)
            .with_context(|| format!("pinning thread {id} to cores {cores:?}"))?;
    }
    Ok(())
}

/// Goes before what else runs on the machine, where the system allows it. Processes started later do the same.
pub fn hurry() {
    // SAFETY: no memory is involved. Where it is not allowed, the measurement is only less exact.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -15) };
    // Where the kernel groups processes by session, priorities count only inside a group; this is the group's own.
    let _ = fs::write("/proc/self/autogroup", "-15");
}

/// How long the threads of a process have run so far, in the kernel and out of it.
pub fn time(process: u32) -> Result<Duration> {
    let mut nanos = 0;
    for task in tasks(process)? {
        let text = fs::read_to_string(task.join("schedstat"))?;
        let ran = text.split(' ').next().unwrap_or_default();
        nanos += ran
            .parse::<u64>()
            .with_context(|| format!("{} says {text:?}", task.display()))?;
    }
    Ok(Duration::from_nanos(nanos))
}

fn tasks(process: u32) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(format!("/proc/{process}/task"))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}
