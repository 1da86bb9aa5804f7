//! A real Postgres on a throwaway folder, from the operating system's package.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the server may take to make its folder and to answer.
const START_WAIT_MAX: Duration = Duration::from_mins(1);
const START_PAUSE: Duration = Duration::from_millis(50);
/// Sockets have names of at most 107 bytes; this leaves room for the server's part.
const FOLDER_NAME_MAX: usize = 80;
/// Debian keeps each major version's programs here.
const DEBIAN_FOLDER: &str = "/usr/lib/postgresql";
const SUPERUSER: &str = "postgres";

/// Runs the server until standard input ends, which it also does if the tests are killed, and then removes
/// everything. `$1` is the server's program, `$2` the folder.
const KEEPER: &str = r#"
"$1" -D "$2/data" -k "$2" -p 5432 -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=200 \
    -c shared_buffers=32MB -c autovacuum=off </dev/null >"$2/log" 2>&1 &
server=$!
trap '' INT TERM HUP
while read -r _; do :; done
kill -INT "$server"
wait "$server"
rm -rf "$2"
"#;

/// A fresh, empty database on a server that all tests of this process share. Dropping it removes the
/// database; the server ends with the process.
#[derive(Debug)]
pub struct TestPostgres {
    name: String,
    url: String,
}

impl TestPostgres {
    /// Starts the server if it does not run yet, and makes a database.
    ///
    /// # Panics
    /// If Postgres is not installed (the message says what to install) or does not start.
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("lamp_{number}");
        let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        let server = server.get_or_insert_with(Server::start);
        server.sql(&format!("CREATE DATABASE {name}"));
        let url = format!("postgres://{SUPERUSER}@localhost:5432/{name}?host={}", server.folder.display());
        Self { name, url }
    }

    /// `postgres://…`, as the ledger and `sqlx` take it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs SQL in this database through `psql`, and returns what it prints: a line a row, `|` between columns.
    ///
    /// # Panics
    /// If the SQL fails.
    pub fn sql(&self, sql: &str) -> String {
        let server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        server.as_ref().expect("a database has a server").sql_in(&self.name, sql)
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        let server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(server) = server.as_ref() else { return };
        // A database that stays behind costs only space, and that until the server ends.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = server.psql(SUPERUSER, &drop).output();
    }
}

static SERVER: Mutex<Option<Server>> = Mutex::new(None);

struct Server {
    programs: PathBuf,
    folder: PathBuf,
    /// The keeper ends the server when this pipe closes: with this process, however that ends.
    _lifeline: ChildStdin,
}

impl Server {
    fn start() -> Self {
        let programs = find_programs();
        let user = unprivileged_user();
        let folder = make_folder(user);
        let initdb = as_user(&programs.join("initdb"), user)
            .arg("-D")
            .arg(folder.join("data"))
            .args(["-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
            .current_dir(&folder)
            .output();
        succeeded("initdb", initdb);

        let mut keeper = as_user(Path::new("/bin/sh"), user)
            .args(["-c", KEEPER, "keeper"])
            .arg(programs.join("postgres"))
            .arg(&folder)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a shell to keep Postgres");
        let lifeline = keeper.stdin.take().expect("the keeper's standard input is a pipe");
        let server = Self { programs, folder, _lifeline: lifeline };
        server.wait_until_ready(&mut keeper);
        server
    }

    fn wait_until_ready(&self, keeper: &mut Child) {
        let started = Instant::now();
        loop {
            let answer = self.psql(SUPERUSER, "SELECT 1").output().expect("psql runs");
            if answer.status.success() {
                return;
            }
            let gone = keeper.try_wait().expect("the keeper can be waited for").is_some();
            if gone || started.elapsed() > START_WAIT_MAX {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                panic!("Postgres does not start:\n{log}\n{}", String::from_utf8_lossy(&answer.stderr));
            }
            thread::sleep(START_PAUSE);
        }
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"])
            .arg("--host")
            .arg(&self.folder)
            .args(["--port", "5432", "--username", SUPERUSER, "--dbname", database, "--command", sql])
            .env_remove("PGOPTIONS")
            .stdin(Stdio::null());
        command
    }

    fn sql(&self, sql: &str) -> String {
        self.sql_in(SUPERUSER, sql)
    }

    fn sql_in(&self, database: &str, sql: &str) -> String {
        String::from_utf8_lossy(&succeeded("psql", self.psql(database, sql).output()).stdout).trim_end().to_owned()
    }
}

/// The folder that holds `postgres`, `initdb` and `psql`; the newest, where there are several.
fn find_programs() -> PathBuf {
    let has_all = |folder: &Path| ["postgres", "initdb", "psql"].iter().all(|name| folder.join(name).is_file());
    let versions = fs::read_dir(DEBIAN_FOLDER).into_iter().flatten().flatten();
    let mut installed: Vec<_> = versions
        .map(|entry| {
            let version = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            (version, entry.path().join("bin"))
        })
        .filter(|(_, folder)| has_all(folder))
        .collect();
    installed.sort();
    let on_path = || std::env::split_paths(&std::env::var_os("PATH")?).find(|folder| has_all(folder));
    installed.pop().map(|(_, folder)| folder).or_else(on_path).unwrap_or_else(|| {
        panic!(
            "these tests need a real Postgres, and there is none in {DEBIAN_FOLDER} or on PATH: \
             install it with `apt-get install postgresql`"
        )
    })
}

/// A user and group by number.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

/// Postgres refuses to run as root; then the user of its package runs it.
fn unprivileged_user() -> Option<User> {
    let id = |arguments: &[&str]| -> u32 {
        let output = succeeded("id", Command::new("id").args(arguments).output());
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("id prints a number")
    };
    let is_root = id(&["-u"]) == 0;
    is_root.then(|| User { uid: id(&["-u", SUPERUSER]), gid: id(&["-g", SUPERUSER]) })
}

fn as_user(program: &Path, user: Option<User>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}

/// A new folder that the server's user owns, with a name short enough for sockets.
fn make_folder(user: Option<User>) -> PathBuf {
    let temporary = std::env::temp_dir();
    let parent = if temporary.as_os_str().len() > FOLDER_NAME_MAX { PathBuf::from("/tmp") } else { temporary };
    let folder = tempfile::Builder::new().prefix("lamp-pg-").tempdir_in(parent).expect("a temporary folder").keep();
    if let Some(user) = user {
        chown(&folder, Some(user.uid), Some(user.gid)).expect("root gives its folder away");
    }
    // Tests that run as another user than the server must reach its socket.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).expect("the folder can be entered");
    folder
}

/// The output of a program that did what it should.
fn succeeded(program: &str, output: io::Result<Output>) -> Output {
    let output = output.unwrap_or_else(|error| panic!("{program} does not run: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed ({}):\n{complaint}", output.status);
    output
}
