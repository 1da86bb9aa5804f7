use super::*;

fn check(text: &str, expected: &Expect) {
    let error = RootConfig::parse(text, "lamp.toml").expect_err("it is refused");
    expected.assert_eq(&render(&error));
}

#[test]
fn unknown_keys() {
    check(
        "[workspace]\nmembres = [\"projects/*\"]\nmembers = []\n",
        &expect![[r#"
        lamp.toml:2:1: unknown key `membres` in [workspace]
          hint: did you mean `members`?
    "#]],
    );
    check(
        "[workspace]\nmembers = []\n[rotas.ml]\npeople = []\n",
        &expect![[r#"
        lamp.toml:3:2: unknown key `rotas` in the file
          hint: did you mean `rota`?
    "#]],
    );
    check(
        "[workspace]\nmembers = []\ncolour = \"red\"\n",
        &expect![[r#"
        lamp.toml:3:1: unknown key `colour` in [workspace]
          hint: known keys: `cache`, `ledger`, `members`, `server`, `store`, `time_zone`
    "#]],
    );
}

#[test]
fn what_belongs_elsewhere() {
    check(
        "[workspace]\nmembers = []\nserver = \"https://lamp.example.com\"\nledger = \"postgres://lamp:secret@db/lamp\"\n",
        &expect![[r#"
            lamp.toml:4:1: `ledger` is the server's own affair where `server` is set
              hint: put it into .lamp/server.toml on the server
        "#]],
    );
    check(
        "[workspace]\nmembers = []\n[datasets.x]\nsource = \"*\"\n",
        &expect![[r#"
            lamp.toml:3:2: `datasets` does not belong in the root's file
              hint: put it into the lamp.toml of a project
        "#]],
    );
}

#[test]
fn a_server_that_cannot_be_reached_like_that() {
    check(
        "[workspace]\nmembers = []\n[server]\npublic_url = \"http://lamp.example.com\"\ntls_cert = \"c.pem\"\n\
         trusted_proxies = [\"proxy\"]\nport = 1\n",
        &expect![[r#"
            lamp.toml:3:2: [server] has no `tls_key`
              hint: add `tls_key = "key.pem"`
            lamp.toml:4:14: `http://lamp.example.com` is not a server's address: only this machine is reached without TLS
              hint: write it as https://lamp.example.com or https://lamp.example.com:8420
            lamp.toml:6:20: `proxy` is not an address or a network
              hint: write 10.0.0.7 or 10.0.0.0/24
            lamp.toml:7:1: unknown key `port` in [server]
              hint: known keys: `public_url`, `require_login`, `tls_cert`, `tls_key`, `trusted_proxies`
        "#]],
    );
}

#[test]
fn missing_parts() {
    check(
        "",
        &expect![[r#"
        lamp.toml:1:1: the file has no `workspace`
          hint: add `[workspace]`
    "#]],
    );
    check(
        "[workspace]\n",
        &expect![[r#"
        lamp.toml:1:2: [workspace] has no `members`
          hint: add `members = ["projects/*"]`
    "#]],
    );
    check(
        "workspace = 3\n",
        &expect![[r#"
        lamp.toml:1:13: `workspace` must be a table, not a whole number
    "#]],
    );
}

#[test]
fn bad_values() {
    check(
        "[workspace]\nmembers = [\"projects/*\"]\ntime_zone = \"America/New_Yrok\"\n",
        &expect![[r#"
        lamp.toml:3:13: `America/New_Yrok` is not a time zone
          hint: did you mean `America/New_York`?
    "#]],
    );
    check(
        "[workspace]\nmembers = []\ntime_zone = \"Mars\"\n",
        &expect![[r#"
        lamp.toml:3:13: `Mars` is not a time zone
          hint: use an IANA name, for example `Europe/Berlin` or `UTC`
    "#]],
    );
    check(
        "[workspace]\nmembers = []\nledger = \"mysql://x\"\nstore = \"ftp://y\"\n",
        &expect![[r#"
        lamp.toml:3:10: `mysql://x` is not the address of a ledger
          hint: write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`
        lamp.toml:4:9: `ftp://y` is not the address of a store
          hint: write a folder, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`
    "#]],
    );
    check(
        "[workspace]\nmembers = [\"../x\", \"/abs\", \".\", \"a/[\", 3]\n",
        &expect![[r#"
        lamp.toml:2:12: `../x` does not name folders below the root
          hint: write for example `members = ["projects/*"]`
        lamp.toml:2:20: `/abs` does not name folders below the root
          hint: write for example `members = ["projects/*"]`
        lamp.toml:2:28: `.` does not name folders below the root
          hint: write for example `members = ["projects/*"]`
        lamp.toml:2:33: `a/[` is not a pattern: unclosed character class; missing ']'
          hint: write for example `data/flights/*.parquet`; `**` goes into folders
        lamp.toml:2:40: `members` must be a list of texts; this is a whole number
    "#]],
    );
    check(
        "[workspace]\nmembers = \"projects/*\"\n",
        &expect![[r#"
            lamp.toml:2:11: `members` must be a list of texts (`members = ["…"]`), not a text
        "#]],
    );
}

#[test]
fn bad_rotas() {
    check(
        "[workspace]\nmembers = []\n[rota.ml]\npeople = []\nhandoff = \"Monday 9\"\n",
        &expect![[r#"
        lamp.toml:3:7: [rota.ml] has no people
          hint: name at least one person
        lamp.toml:5:11: `Monday 9` is not a day and a time
          hint: write a day and a time, for example `handoff = "Mon 09:00"`
    "#]],
    );
    check(
        "[workspace]\nmembers = []\n[rota.ML]\npeople = [\"a@b\", \"someone\", \"a@b\"]\n",
        &expect![[r#"
        lamp.toml:3:7: `ML` is not a rota name: it does not start with a lower-case letter
          hint: use lower-case letters, digits, `-` and `_`, starting with a letter
        lamp.toml:4:18: `someone` is not an e-mail address
          hint: use the address in each person's `git config user.email`
        lamp.toml:4:29: `a@b` is listed twice
          hint: name each person once
    "#]],
    );
    check(
        "[workspace]\nmembers = []\n[rota]\nml = [\"a@b\"]\n",
        &expect![[r#"
        lamp.toml:4:1: `rota.ml` must be a table, not a list
          hint: write `[rota.NAME]` above its keys
    "#]],
    );
    check(
        "[workspace]\nmembers = []\n[duties]\nlabels = { rota = \"ml\", count = 0, every = \"often\" }\n",
        &expect![[r#"
            lamp.toml:4:33: `count` must be a whole number from 1 to 1000
            lamp.toml:4:44: `often` is not a period
              hint: write `"day"`, `"7 days"`, `"2 weeks"` or `"1 month"`, at most 366 of them
        "#]],
    );
}

#[test]
fn broken_toml_keeps_its_line() {
    check(
        "[workspace]\nmembers = [\"a\"\nledger = 3\n",
        &expect![[r#"
        lamp.toml:3:1: not valid TOML: missing comma between array elements, expected `,`
    "#]],
    );
    check(
        "[workspace]\nmembers = []\nmembers = []\n",
        &expect![[r#"
            lamp.toml:3:1: not valid TOML at `members`: duplicate key
        "#]],
    );
}

#[test]
fn a_column_counts_characters_not_bytes() {
    check(
        "[workspace]\nmembers = []\n[rota.ml]\npeople = [\"zoë@example.com\", \"bad\"]\n",
        &expect![[r#"
        lamp.toml:4:30: `bad` is not an e-mail address
          hint: use the address in each person's `git config user.email`
    "#]],
    );
}

#[test]
fn bad_webhooks() {
    check(
        "[workspace]\nmembers = []\n[notify]\nsecret_env = \"not a name\"\n",
        &expect![[r#"
        lamp.toml:3:2: [notify] has no `webhook`
          hint: add `webhook = "https://hooks.example.com/lamp"`
        lamp.toml:4:14: `not a name` is not the name of an environment variable
          hint: write the name alone, for example `secret_env = "LAMP_WEBHOOK_SECRET"`
    "#]],
    );
    check(
        "[workspace]\nmembers = []\n[notify]\nwebhook = \"ftp://x\"\nwebhook_env = \"X\"\nurl = \"\"\n",
        &expect![[r#"
            lamp.toml:3:2: [notify] has both `webhook` and `webhook_env`
              hint: remove one of them
            lamp.toml:4:11: `ftp://x` is not the address of a server
              hint: write `http://HOST:PORT` or `https://HOST`, without user or password
            lamp.toml:6:1: unknown key `url` in [notify]
              hint: known keys: `secret_env`, `webhook_env`, `webhook`
        "#]],
    );
}

#[test]
fn remotes_and_sizes() {
    let cases = [
        ("cache = \"20 gigs\"", "`20 gigs` is not a size"),
        ("[remotes.Backup]\nurl = \"kept\"", "`Backup` is not a remote name"),
        ("[remotes.b]\nurl = \"ftp://x\"", "`ftp://x` is not the address of a store"),
        ("[remotes.b]", "[remotes.b] has no `url`"),
    ];
    for (text, why) in cases {
        let text = format!("[workspace]\nmembers = []\n{text}\n");
        let error = RootConfig::parse(&text, "lamp.toml").expect_err("it is refused");
        assert!(render(&error).contains(why), "{}", render(&error));
    }
}
