//! The team is told of incidents and missed duties, at least once, whatever the other side does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lamp_testkit::http::free_port;
use serde_json::Value;

use super::process::eventually;
use super::shop::{Shop, orders};

/// One request that came in.
#[derive(Debug, Clone)]
struct Received {
    head: String,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> String {
        let found = self.head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| *key == name));
        found.unwrap_or_else(|| panic!("no {name} in {}", self.head)).1.to_owned()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.body))
    }
}

/// The team's chat: keeps what comes in, and answers as it is told.
struct Chat {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
    /// The status of the next answers; without one, it never answers.
    status: Arc<Mutex<Option<u16>>>,
}

impl Chat {
    fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free local port");
        let url = format!("http://{}/hook?team=bakery", listener.local_addr().expect("an address"));
        let (received, status) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Some(200))));
        let (kept, answer) = (Arc::clone(&received), Arc::clone(&status));
        std::thread::spawn(move || {
            let mut hanging = Vec::new();
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.expect("a connection"));
                let mut head = String::new();
                while stream.read_line(&mut head).is_ok_and(|bytes| bytes > 2) {}
                let head = head.replace("\r\n", "\n");
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
                stream.read_exact(&mut body).expect("the body");
                let body = String::from_utf8(body).expect("UTF-8");
                kept.lock().expect("not poisoned").push(Received { head, body });
                match *answer.lock().expect("not poisoned") {
                    Some(status) => {
                        let text = format!("HTTP/1.1 {status} \r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                        // The other side may be gone.
                        drop(stream.get_mut().write_all(text.as_bytes()));
                    }
                    None => hanging.push(stream),
                }
            }
        });
        Self { url, received, status }
    }

    fn answers(&self, status: Option<u16>) {
        *self.status.lock().expect("not poisoned") = status;
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().expect("not poisoned").clone()
    }

    /// The requests so far, once there are `count`.
    fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} requests"), || Some(self.received()).filter(|all| all.len() >= count))
    }
}

/// The same computed by another implementation: Python's.
fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let script = "import hashlib, hmac, sys; s, t, b = sys.argv[1:]; \
                  print('sha256=' + hmac.new(s.encode(), (t + '.' + b).encode(), hashlib.sha256).hexdigest())";
    let python = lamp_testkit::python::find_python().expect("Python");
    let output = Command::new(python).args(["-c", script, secret, timestamp, body]).output().expect("Python runs");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

fn shop(chat: &Chat) -> Shop {
    let shop = Shop::new();
    let root = shop.context.repo.read("lamp.toml");
    let more = format!(
        "[notify]\nwebhook = \"{}\"\nsecret_env = \"HOOK_SECRET\"\n\
         [rota.ml]\npeople = [\"ada@example.com\"]\n\
         [duties]\nhistograms = {{ rota = \"ml\" }}\n",
        chat.url
    );
    shop.context.repo.write("lamp.toml", format!("{root}\n{more}"));
    shop.context.repo.commit("Tell the team");
    shop
}

fn break_a_promise(shop: &Shop, day: &str) {
    shop.write_day(day, &orders(day, &[("elm", -2, Some(1)), ("oak", 3, Some(0))]));
    shop.lamp("data add orders").succeeds();
    shop.lamp(&format!("check orders@latest[{day}]")).exits(1).says("incident opened");
}

#[test]
fn the_team_is_told_until_it_has_heard_and_nothing_waits_for_it() {
    let chat = Chat::open();
    let shop = shop(&chat);
    shop.lamp("notify").succeeds().says("The team was not told anything yet.");
    break_a_promise(&shop, "2013-03-29");
    shop.lamp("notify").succeeds().line_with(&["incident.opened", "waiting", " 0 "]);

    // Where a signature is wanted and cannot be made, nothing is sent.
    let up = |secret: &str| {
        let [pages, predictions] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
        let command = shop.context.lamp(["up", "--listen", &pages, "--predictions", &predictions]);
        command.env("HOOK_SECRET", secret).start()
    };
    let without_secret = up("");
    without_secret.wait_for("the environment variable HOOK_SECRET is not set");
    assert_eq!(without_secret.stop(), Some(0));
    assert_eq!(chat.received().len(), 0);

    // An answer of "no" is tried again after a pause, as the same notification.
    chat.answers(Some(500));
    shop.set_time("2013-04-01T12:00:00Z");
    let running = up("the oven's secret");
    let refused = chat.wait_for(1).remove(0);
    eventually("the refusal is noted", || {
        let listed = shop.lamp("notify").succeeds();
        (listed.0.stdout.contains("the answer was 500") && listed.0.stdout.contains("waiting")).then_some(())
    });
    chat.answers(Some(200));
    shop.set_time("2013-04-01T12:05:00Z");
    // Other news may come between, of this machine's disk for instance.
    let key = refused.header("idempotency-key");
    let is_again = |request: &Received| request.header("idempotency-key") == key;
    let heard = eventually("it comes again", || chat.received().into_iter().skip(1).find(is_again));
    eventually("it is delivered", || shop.lamp("notify").succeeds().0.stdout.contains("delivered").then_some(()));
    assert_eq!(heard.header("idempotency-key"), refused.header("idempotency-key"));
    assert_eq!(heard.body, refused.body);
    assert!(heard.head.starts_with("POST /hook?team=bakery HTTP/1.1\n"), "{}", heard.head);
    let expected = signature("the oven's secret", &heard.header("x-lamp-timestamp"), &heard.body);
    assert_eq!(heard.header("x-lamp-signature"), expected);
    let told = heard.json();
    assert_eq!((&told["kind"], &told["id"]), (&"incident.opened".into(), &heard.header("idempotency-key").into()));
    let text = told["text"].as_str().expect("a text for people");
    assert!(
        text.starts_with("Incident in bakery: orders[2013-03-29]") && text.contains("lamp incidents ack"),
        "{text}"
    );

    // One that never answers holds up nobody else: duties are created and missed meanwhile.
    chat.answers(None);
    break_a_promise(&shop, "2013-03-30");
    chat.wait_for(3);
    let asked = std::time::Instant::now();
    shop.set_time("2013-04-02T12:00:00Z");
    running.wait_for("histograms 2013-04-01 of bakery missed by ada@example.com");
    running.wait_for("histograms 2013-04-02 of bakery is for ada@example.com");
    assert!(asked.elapsed() < Duration::from_secs(9), "{:?}", asked.elapsed());
    // The missed duty was put into the outbox with the miss, and is told when its turn comes.
    chat.answers(Some(200));
    let missed = eventually("the team hears of the missed duty", || {
        chat.received().into_iter().find(|request| request.json()["kind"] == "duty.missed")
    });
    let text = missed.json()["text"].as_str().expect("a text").to_owned();
    assert!(text.starts_with("Missed: histograms 2013-04-01 of bakery was missed; it was for ada@"), "{text}");
    assert_eq!(running.stop(), Some(0));
}
