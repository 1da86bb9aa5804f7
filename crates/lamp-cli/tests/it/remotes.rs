//! Practice 4: versions are kept elsewhere too. A real S3 server, behind a connection that can be cut.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use lamp_testkit::s3::TestS3;

use super::data::{damage_packs, files_below};
use super::shop::{Said, Shop, orders, training_day, words};

const OVENS: usize = 3 << 20;

/// Stands between `lamp` and a server, and lets only so many bytes go there.
struct Line {
    address: SocketAddr,
    bytes_left: Arc<AtomicI64>,
}

impl Line {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let line = Self { address: listener.local_addr().expect("its address"), bytes_left: Arc::default() };
        line.mend();
        let bytes_left = Arc::clone(&line.bytes_left);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if bytes_left.load(Ordering::SeqCst) > 0
                    && let Ok(server) = TcpStream::connect(server)
                {
                    Self::join(client, server, &bytes_left);
                }
            }
        });
        line
    }

    fn join(client: TcpStream, server: TcpStream, bytes_left: &Arc<AtomicI64>) {
        let (from, to) = (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
        let bytes_left = Arc::clone(bytes_left);
        thread::spawn(move || Self::pass(from, to, &bytes_left));
        thread::spawn(move || Self::pass(server, client, &AtomicI64::new(i64::MAX)));
    }

    /// Passes bytes on until either end closes, or no more may go; then both are closed.
    fn pass(mut from: TcpStream, mut to: TcpStream, bytes_left: &AtomicI64) {
        let mut block = vec![0; 16 << 10];
        while let Ok(length @ 1..) = from.read(&mut block) {
            let left = bytes_left.fetch_sub(i64::try_from(length).expect("small"), Ordering::SeqCst);
            if left <= 0 || to.write_all(&block[..length]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    fn cut_after(&self, bytes: i64) {
        self.bytes_left.store(bytes, Ordering::SeqCst);
    }

    fn mend(&self) {
        self.cut_after(i64::MAX);
    }
}

/// A bucket, and the line to it.
struct Elsewhere {
    bucket: TestS3,
    line: Line,
}

impl Elsewhere {
    fn new() -> Self {
        let bucket = TestS3::start("elsewhere");
        let endpoint =
            bucket.environment().into_iter().find(|(name, _)| *name == "AWS_ENDPOINT").expect("an endpoint").1;
        let server = endpoint.trim_start_matches("http://").parse().expect("an address");
        Self { bucket, line: Line::to(server) }
    }

    /// A shop that calls it `backup`.
    fn known_to(&self, shop: Shop) -> Shop {
        let root = shop.context.repo.read("lamp.toml");
        let url = self.bucket.location("kept");
        shop.context.repo.write("lamp.toml", format!("{root}\n[remotes.backup]\nurl = \"{url}\"\n"));
        shop.context.repo.commit("A backup");
        shop
    }

    fn lamp(&self, shop: &Shop, line: &str) -> Said {
        let mut command = shop.context.lamp(words(line));
        for (name, value) in self.bucket.environment() {
            command = command.env(name, value);
        }
        Said(command.env("AWS_ENDPOINT", format!("http://{}", self.line.address)).run())
    }
}

fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56).to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(OVENS).collect()
}

#[test]
fn a_push_that_was_cut_goes_on_and_what_is_lost_here_comes_back_from_there() {
    let elsewhere = Elsewhere::new();
    let shop = elsewhere.known_to(Shop::with_orders());
    shop.context.repo.write("data/ovens/temperatures.bin", noise());
    shop.lamp("data add ovens data/ovens --commit").succeeds();

    elsewhere.lamp(&shop, "data pull").exits(2).says("there is no store at").hints("a push makes one");
    elsewhere.line.cut_after(1 << 20);
    elsewhere.lamp(&shop, "data push backup").exits(2).says("elsewhere/kept").hints("run the same command again");
    elsewhere.line.mend();
    // What has its name there is whole.
    let other = elsewhere.known_to(Shop::new());
    elsewhere.lamp(&other, "data pull").succeeds().says("orders@1").does_not_say("ovens");
    other.lamp("data verify").succeeds().says("orders@1  5 files  whole");
    let pushed = elsewhere.lamp(&shop, "data push backup").succeeds();
    pushed.line_with(&["orders@1", "the same at both ends"]);
    let pushed = elsewhere.lamp(&shop, "data push backup ovens@1 --json").succeeds().json();
    assert_eq!(pushed["datasets"][0]["sent"]["versions"], 0, "{pushed}");

    // Another clone, with a ledger of its own, gets the bytes that its lock pins.
    elsewhere.lamp(&other, "data pull backup ovens").succeeds().line_with(&["ovens@1", "1 version fetched"]);
    other.context.repo.write("lamp.lock", shop.context.repo.read("lamp.lock"));
    other.lamp("data verify").succeeds().says("ovens@1  1 files  whole");
    let back = other.context.repo.temporary().join("back");
    other.lamp(&format!("data get ovens --to {}", back.display())).succeeds();
    assert!(fs::read(back.join("temperatures.bin")).expect("the file") == noise(), "byte for byte");
    other.lamp("data log ovens").succeeds().says("pulled from backup");
    other.lamp("audit verify").succeeds().says("whole");

    // A correction, whose version lies in two packs: all of them are damaged.
    let mut corrected = noise();
    corrected[OVENS / 2] ^= 1;
    shop.context.repo.write("data/ovens/temperatures.bin", corrected);
    shop.lamp("data add ovens data/ovens").succeeds().says("ovens@2");
    elsewhere.lamp(&shop, "data push").succeeds().line_with(&["ovens@2", "1 version sent: 1 file"]);
    damage_packs(&shop);
    elsewhere.lamp(&shop, "data verify").exits(1).says("ovens@1  damaged");
    let repaired = elsewhere.lamp(&shop, "data verify --repair ovens@2 orders ovens@1").succeeds();
    repaired.line_with(&["ovens@2", "whole", "1 file repaired"]);
    repaired.line_with(&["ovens@1", "whole"]);
    shop.lamp("data verify").succeeds().does_not_say("damaged");
    // So does a lost list of files.
    for manifest in files_below(&shop.context.repo.path().join(".lamp/store/manifests")) {
        fs::remove_file(manifest).expect("lost");
    }
    shop.lamp("data verify ovens@1").exits(2).says("is not in the store");
    elsewhere.lamp(&shop, "data verify ovens@1 --repair --from backup").succeeds().says("whole");
}

#[test]
fn one_number_means_one_version_at_both_ends() {
    let shop = Shop::with_orders();
    shop.lamp("data push").exits(2).says("names no remote").hints("[remotes.backup]");
    let folder = shop.context.repo.temporary().join("kept");
    let root = shop.context.repo.read("lamp.toml");
    let remote = |name: &str| format!("[remotes.{name}]\nurl = \"{}-{name}\"\n", folder.display());
    shop.context.repo.write("lamp.toml", format!("{root}\n{}{}", remote("one"), remote("two")));
    shop.lamp("data push").exits(2).says("several remotes").hints("name one of one, two");
    shop.lamp("data push three").exits(2).says("no remote `three`").hints("name one of one, two");
    shop.lamp("data push one orders@1").succeeds().line_with(&["orders@1", "1 version sent"]);
    shop.lamp("data pull one orders@2").exits(2).says("`one` does not have `orders@2`");
    shop.lamp("data pull one").succeeds().says("the same at both ends");

    let other = Shop::new();
    other.write_day("2013-03-28", &training_day("2013-03-28").replace(",elm,2,0", ",elm,2,1"));
    other.lamp("data add orders").succeeds().says("orders@1");
    other.context.repo.write("lamp.toml", format!("{root}\n{}", remote("one")));
    for line in ["data push", "data pull"] {
        other.lamp(line).exits(2).says("`orders@1` is another version here than at `one`").hints("a prefix of its own");
    }
    shop.write_day("2013-04-01", &orders("2013-04-01", &[("elm", 1, Some(0)), ("oak", 1, Some(0))]));
    shop.lamp("data add orders").succeeds().says("orders@2");
    shop.lamp("data push one").succeeds().line_with(&["orders@2", "1 version sent: 1 file"]);
}
