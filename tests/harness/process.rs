//! Child processes that end with this one, however this one ends.

use anyhow::{Context, Result};
use nix::sys::{prctl, signal};
use nix::unistd::{Pid, getppid};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};
use std::{process, thread};

/// How long a process may take to end once asked, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A running program. Everything it writes goes to its log file. Dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    log_start: u64,
}

impl Process {
    /// Starts `command`, with standard output and error appended to the file `log`.
    pub fn spawn(name: &str, command: Command, log: &Path) -> Result<Self> {
        Self::start(name, command, log, Stdio::null())
    }

    /// The same, with a pipe to its standard input.
    pub fn spawn_with_input(
        name: &str,
        command: Command,
        log: &Path,
    ) -> Result<(Self, ChildStdin)> {
        let mut process = Self::start(name, command, log, Stdio::piped())?;
        let input = process.child.stdin.take();
        Ok((process, input.context("there is no pipe")?))
    }

    fn start(name: &str, mut command: Command, log: &Path, input: Stdio) -> Result<Self> {
        let file = append_to(log)?;
        let log_start = file.metadata()?.len();
        command
            .stdin(input)
            .stdout(file.try_clone()?)
            .stderr(file)
            // Ctrl-C in a terminal reaches the whole foreground group; only we decide when a child ends.
            .process_group(0);
        let program = command.get_program().to_owned();
        let child = spawn_from_keeper(command)
            .with_context(|| format!("{name} could not be started from {}", program.display()))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            log_start,
        })
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file that holds what it wrote.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// What it wrote since it was started.
    pub fn log(&self) -> String {
        log_from(&self.log, self.log_start).unwrap_or_default()
    }

    /// The last `count` lines of what it wrote.
    pub fn log_tail(&self, count: usize) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// Its exit status, once it has ended.
    pub fn exit(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Bytes of its memory that are resident, from the kernel.
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line
            .and_then(|line| line.trim().strip_suffix(" kB"))
            .context("no VmRSS")?;
        Ok(kilobytes.parse::<u64>()? * 1024)
    }

    /// An error that tells how it ended and what it last wrote, once it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.exit() {
            None => Ok(()),
            Some(status) => anyhow::bail!(
                "{} ended by itself ({status}). Its last lines, from {}:\n{}",
                self.name,
                self.log.display(),
                self.log_tail(20)
            ),
        }
    }

    /// Asks it to end, waits, and kills it if it does not.
    pub fn stop(mut self) {
        let id = Pid::from_raw(self.child.id() as i32);
        if self.exit().is_none() && signal::kill(id, signal::Signal::SIGTERM).is_ok() {
            let asked = Instant::now();
            while self.exit().is_none() && asked.elapsed() < GRACE {
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exit().is_none() {
            // Both fail only if it ended in between.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn append_to(log: &Path) -> Result<File> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("opening {}", log.display()))
}

fn log_from(path: &Path, start: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

type Order = (Command, mpsc::SyncSender<io::Result<Child>>);

/// The kernel sends the death signal when the *thread* that started a child ends, and test threads end early.
/// So all children are started by this one, which lives as long as the process.
static KEEPER: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
    let (orders, inbox) = mpsc::channel::<Order>();
    thread::spawn(move || {
        for (mut command, reply) in inbox {
            // The receiver waits for this answer, so sending cannot fail.
            let _ = reply.send(command.spawn());
        }
    });
    orders
});

fn spawn_from_keeper(mut command: Command) -> io::Result<Child> {
    let parent = process::id();
    // SAFETY: only system calls that are async-signal-safe are made between fork and exec.
    unsafe {
        command.pre_exec(move || {
            prctl::set_pdeathsig(signal::Signal::SIGKILL)?;
            // The parent may have ended before the line above took effect.
            if getppid().as_raw() as u32 == parent {
                Ok(())
            } else {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        });
    }
    let (reply, answer) = mpsc::sync_channel(1);
    KEEPER
        .send((command, reply))
        .map_err(|_| io::ErrorKind::BrokenPipe)?;
    answer.recv().map_err(|_| io::ErrorKind::BrokenPipe)?
}
