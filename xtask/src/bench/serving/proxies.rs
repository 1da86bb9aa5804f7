//! The server that computes nothing, and proxies in front of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::super::measure::Invocation;
use super::super::peers::{ENVOY, Installed};
use super::Stand;
use super::process::{Server, Started};
use crate::{setup, steps};

/// The server that computes nothing, and a second one: where mirrored requests go, or our shadow.
pub(super) const UPSTREAM_PORTS: [u16; 2] = [18_500, 18_501];
/// Whatever stands in front.
pub(super) const FRONT_PORT: u16 = 18_510;
/// What is asked of it.
pub(super) const PATH: &str = "/v2/models/far/infer";

/// A row of the flights' models, as the protocol puts it.
const QUESTION: &str = include_str!("question.json");

/// Builds the server that computes nothing. Returns the program.
pub(super) fn build_upstream(root: &Path) -> Result<PathBuf> {
    let what = ["build", "--release", "--workspace", "--example", "upstream"];
    steps::run(Command::new("cargo").args(what).current_dir(root))?;
    let built = crate::target_directory(root).join("release").join("examples").join("upstream");
    built.canonicalize().with_context(|| format!("there is no {}", built.display()))
}

impl Stand<'_> {
    /// The file with the question.
    pub(super) fn question(&self) -> Result<PathBuf> {
        self.write("question.json", QUESTION)
    }

    /// Writes a file that a contender needs.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// A server that computes nothing.
    pub(super) fn upstream_on(&self, port: u16) -> Result<Server> {
        let mut command = Command::new(&self.upstream);
        command.arg(format!("127.0.0.1:{port}"));
        Server::start(&format!("upstream-{port}"), &command, &self.folder)
    }

    fn proxied(&self, title: String, proxy: &Command, mirrors: bool) -> Result<Started> {
        let behind = if mirrors { &UPSTREAM_PORTS[..] } else { &UPSTREAM_PORTS[..1] };
        let mut servers = behind.iter().map(|port| self.upstream_on(*port)).collect::<Result<Vec<_>>>()?;
        servers.push(Server::start("proxy", proxy, &self.folder)?);
        Ok(Started { title, servers, port: FRONT_PORT, path: PATH.to_owned(), body: self.question()? })
    }
}

/// The server that computes nothing, alone.
pub(super) fn upstream(stand: &Stand<'_>) -> Result<Started> {
    let servers = vec![stand.upstream_on(UPSTREAM_PORTS[0])?];
    let (title, path) = ("a bare Rust server".to_owned(), PATH.to_owned());
    Ok(Started { title, servers, port: UPSTREAM_PORTS[0], path, body: stand.question()? })
}

/// nginx; with a mirror, every request also goes to the second server and its answer is dropped.
pub(super) fn nginx(stand: &Stand<'_>, mirrors: bool) -> Result<Started> {
    needs("nginx", "nginx-light")?;
    let [first, second] = UPSTREAM_PORTS;
    let pass = "proxy_http_version 1.1; proxy_set_header Connection \"\";";
    let mirror = if mirrors { "mirror /mirror; mirror_request_body on;" } else { "" };
    let folder = stand.folder.display();
    let config = stand.write(
        "nginx.conf",
        &format!(
            "daemon off; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;\n\
             events {{ worker_connections 4096; }}\n\
             http {{\n\
             access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
             fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
             keepalive_requests 1000000000;\n\
             upstream first {{ server 127.0.0.1:{first}; keepalive 64; keepalive_requests 1000000000; }}\n\
             upstream second {{ server 127.0.0.1:{second}; keepalive 64; keepalive_requests 1000000000; }}\n\
             server {{ listen 127.0.0.1:{FRONT_PORT};\n\
             location / {{ {mirror} proxy_pass http://first; {pass} }}\n\
             location = /mirror {{ internal; proxy_pass http://second$request_uri; {pass} }}\n\
             }} }}\n"
        ),
    )?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(config).args(["-e", "stderr"]);
    let version = version_of("sh", &["-c", "nginx -v 2>&1"])?;
    let title = version.rsplit('/').next().unwrap_or_default().to_owned();
    let suffix = if mirrors { ", mirroring" } else { "" };
    stand.proxied(format!("nginx {title}{suffix}"), &command, mirrors)
}

/// `HAProxy`, which does not mirror by itself.
pub(super) fn haproxy(stand: &Stand<'_>) -> Result<Started> {
    needs("haproxy", "haproxy")?;
    let config = stand.write(
        "haproxy.cfg",
        &format!(
            "global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n\
             frontend front\n  bind 127.0.0.1:{FRONT_PORT}\n  default_backend first\n\
             backend first\n  http-reuse always\n  server one 127.0.0.1:{}\n",
            UPSTREAM_PORTS[0]
        ),
    )?;
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(config);
    let version = version_of("haproxy", &["-v"])?;
    let title = version.split_whitespace().nth(2).unwrap_or_default().to_owned();
    stand.proxied(format!("HAProxy {title}"), &command, false)
}

/// Envoy, by its Python package.
pub(super) fn envoy(stand: &Stand<'_>, mirrors: bool) -> Result<Started> {
    let installed: Installed = ENVOY.install(&stand.setting.kept)?;
    let cluster = |name: &str, port: u16| {
        format!(
            "  - name: {name}\n    type: STATIC\n    connect_timeout: 2s\n    load_assignment:\n      cluster_name: {name}\n      \
             endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]}}]\n"
        )
    };
    let policies = if mirrors { ", request_mirror_policies: [{cluster: second}]" } else { "" };
    let config = stand.write(
        "envoy.yaml",
        &format!(
            "static_resources:\n  listeners:\n  - address: {{socket_address: {{address: 127.0.0.1, port_value: {FRONT_PORT}}}}}\n    \
             filter_chains:\n    - filters:\n      - name: envoy.filters.network.http_connection_manager\n        typed_config:\n          \
             '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n          \
             stat_prefix: front\n          \
             http_filters: [{{name: envoy.filters.http.router, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}}}]\n          \
             route_config: {{virtual_hosts: [{{name: all, domains: ['*'], routes: [{{match: {{prefix: /}}, route: {{cluster: first{policies}}}}}]}}]}}\n  \
             clusters:\n{}{}",
            cluster("first", UPSTREAM_PORTS[0]),
            cluster("second", UPSTREAM_PORTS[1])
        ),
    )?;
    let words = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "--config-path"];
    let command: Invocation = installed.program("envoy", &stand.folder).args(words).args([config.as_os_str()]);
    let suffix = if mirrors { ", mirroring" } else { "" };
    stand.proxied(format!("{}{suffix}", installed.title), &command.command(), mirrors)
}

/// Installs a Debian package unless its program is there.
fn needs(program: &str, package: &str) -> Result<()> {
    if steps::succeeds(Command::new("sh").args(["-c", &format!("command -v {program}")])) {
        return Ok(());
    }
    setup::install_debian_packages(&[package])
}

fn version_of(program: &str, words: &[&str]) -> Result<String> {
    let text = Invocation::new(program, Path::new("/")).args(words.iter().copied()).output()?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
