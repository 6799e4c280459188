//! A real PostgreSQL server, with a data folder and a port of its own.

use anyhow::{Context, Result, ensure};
use nix::unistd::{Uid, User, chown};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{env, fs, process};

use crate::files;
use crate::process::Process;
use crate::wait::wait_for;

const DEBIAN: &str = "/usr/lib/postgresql";
const READY: &str = "database system is ready to accept connections";
/// The database user, who may do everything, and whom the server trusts without a password.
const USER: &str = "latchkey";
const NAME: &str = "latchkey-postgres";

/// A server. It ends, and its data goes, with this value.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    account: Option<User>,
    address: SocketAddr,
    settings: &'static [&'static str],
    process: Mutex<Option<Process>>,
}

impl Postgres {
    /// A server for tests, which does not wait for the disk.
    pub fn start() -> Result<Self> {
        Self::start_with(&["fsync=off"])
    }

    /// A server with settings such as `work_mem=64MB`.
    pub fn start_with(settings: &'static [&'static str]) -> Result<Self> {
        let postgres = Self {
            programs: programs()?,
            folder: new_folder()?,
            account: account()?,
            address: free_address()?,
            settings,
            process: Mutex::new(None),
        };
        if let Some(account) = &postgres.account {
            chown(&postgres.folder, Some(account.uid), Some(account.gid))?;
        }
        let mut initdb = postgres.program("initdb");
        initdb.args([
            "--no-sync",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--username",
            USER,
        ]);
        run(initdb.arg("--pgdata").arg(postgres.data()))?;
        postgres.restart()?;
        Ok(postgres)
    }

    /// The URL of a new, empty database.
    pub fn database(&self) -> Result<String> {
        static DATABASES: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgres://{USER}@{}/{name}", self.address))
    }

    /// Runs a statement in the database a URL names, and returns what `psql` prints.
    pub fn query(&self, url: &str, statement: &str) -> Result<String> {
        let (_, database) = url.rsplit_once('/').context("the URL names no database")?;
        self.sql(database, statement)
    }

    /// Stops the server as a machine that fails would: open connections are cut.
    pub fn stop(&self) {
        // Dropping the process kills it; the next start recovers from the log.
        drop(self.process().take());
    }

    /// Starts it again, on the same port and with the same data.
    pub fn restart(&self) -> Result<()> {
        self.stop();
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data());
        let port = format!("port={}", self.address.port());
        let own = [
            "listen_addresses=127.0.0.1",
            &port,
            "unix_socket_directories=",
        ];
        let own = own
            .into_iter()
            .chain(["dynamic_shared_memory_type=mmap", "max_connections=200"]);
        for setting in own.chain(self.settings.iter().copied()) {
            command.args(["-c", setting]);
        }
        let mut process = Process::spawn("postgres", command, &self.folder.join("log"))?;
        let ready = wait_for(|| match process.check() {
            Err(error) => Some(Err(error)),
            Ok(()) => process.log().contains(READY).then_some(Ok(())),
        });
        ready.context("PostgreSQL did not become ready")??;
        *self.process() = Some(process);
        Ok(())
    }

    /// The server's process; `None` while it is stopped.
    pub fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sql(&self, database: &str, statement: &str) -> Result<String> {
        let mut psql = self.program("psql");
        psql.args([
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            "--username",
            USER,
        ])
        .args([
            "--host",
            "127.0.0.1",
            "--port",
            &self.address.port().to_string(),
        ])
        .args(["--dbname", database, "--command", statement]);
        run(&mut psql)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// One of PostgreSQL's programs, as a user it will run for.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(&self.folder).env("LC_ALL", "C");
        if let Some(account) = &self.account {
            command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        // What stays is cleared away by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// `POSTGRES_BIN`, or the newest version that Debian's package installed.
fn programs() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("POSTGRES_BIN").filter(|value| !value.is_empty()) {
        return Ok(folder.into());
    }
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .filter(|(_, folder)| folder.join("initdb").is_file())
        .collect();
    versions.sort();
    let (_, newest) = versions.pop().with_context(|| {
        format!("no PostgreSQL in {DEBIAN}: `make test` installs it; or set POSTGRES_BIN to the folder of its programs")
    })?;
    Ok(newest)
}

/// The server will not run as root, so root lends it the user that Debian's package makes.
fn account() -> Result<Option<User>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some(user));
        }
    }
    anyhow::bail!("PostgreSQL will not run as root, and there is no user `postgres` or `nobody`")
}

/// Outside the checkout, which another user may not be allowed to enter.
fn new_folder() -> Result<PathBuf> {
    static SERVERS: AtomicUsize = AtomicUsize::new(0);
    let number = SERVERS.fetch_add(1, Ordering::Relaxed);
    if number == 0 {
        files::remove_older(&env::temp_dir(), NAME)?;
    }
    let folder = env::temp_dir().join(format!("{NAME}.{}.{number}", process::id()));
    fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn run(command: &mut Command) -> Result<String> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command
        .output()
        .with_context(|| format!("running {name}"))?;
    ensure!(
        output.status.success(),
        "{name} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
