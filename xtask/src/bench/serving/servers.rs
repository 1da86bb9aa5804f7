//! Servers of models in Python, each with a logistic regression of 15 numbers.

use std::path::PathBuf;

use anyhow::Result;

use super::super::peers::{BENTOML, Installed, MLSERVER, Peer};
use super::Stand;
use super::process::{Server, Started};
use super::proxies::FRONT_PORT;

const TRAIN: &str = include_str!("fit.py");
const BENTO: &str = include_str!("bento_service.py");

/// A row of 15 numbers, as the protocol puts it.
const TENSOR: &str = r#"{"inputs":[{"name":"x","datatype":"FP64","shape":[1,15],"data":[0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1.0,1.1,1.2,1.3,1.4,1.5]}]}"#;
/// The same as plain JSON.
const ROWS: &str = r#"{"rows":[[0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1.0,1.1,1.2,1.3,1.4,1.5]]}"#;

/// `MLServer` with its runtime for scikit-learn, in one process.
pub(super) fn mlserver(stand: &Stand<'_>) -> Result<Started> {
    let (installed, folder) = trained(stand, MLSERVER)?;
    let settings = format!(
        r#"{{"host": "127.0.0.1", "http_port": {FRONT_PORT}, "grpc_port": {}, "metrics_port": {}, "parallel_workers": 0, "debug": false}}"#,
        FRONT_PORT + 1,
        FRONT_PORT + 2
    );
    std::fs::write(folder.join("settings.json"), settings)?;
    let model =
        r#"{"name": "far", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "model.joblib"}}"#;
    std::fs::write(folder.join("model-settings.json"), model)?;
    let command = installed.program("mlserver", &folder).args(["start", "."]).command();
    let servers = vec![Server::start("mlserver", &command, &stand.folder)?];
    let body = stand.write("tensor.json", TENSOR)?;
    Ok(Started { title: installed.title, servers, port: FRONT_PORT, path: "/v2/models/far/infer".to_owned(), body })
}

/// `BentoML` with one worker.
pub(super) fn bentoml(stand: &Stand<'_>) -> Result<Started> {
    let (installed, folder) = trained(stand, BENTOML)?;
    std::fs::write(folder.join("service.py"), BENTO)?;
    let words = ["serve", "service:Flights", "--host", "127.0.0.1", "--port"];
    let port = FRONT_PORT.to_string();
    let command = installed.program("bentoml", &folder).args(words).args([port]).env("BENTOML_DO_NOT_TRACK", "True");
    let command = command.env("HOME", &folder).command();
    let servers = vec![Server::start("bentoml", &command, &stand.folder)?];
    let body = stand.write("rows.json", ROWS)?;
    Ok(Started { title: installed.title, servers, port: FRONT_PORT, path: "/predict".to_owned(), body })
}

/// The environment, and a folder with a model that was fitted in it.
fn trained(stand: &Stand<'_>, peer: Peer) -> Result<(Installed, PathBuf)> {
    let installed = peer.install(&stand.setting.kept)?;
    let folder = stand.folder.join(peer.word());
    std::fs::create_dir_all(&folder)?;
    if !folder.join("model.joblib").is_file() {
        let script = stand.write("fit.py", TRAIN)?;
        installed.script(&script, &folder).run()?;
    }
    Ok((installed, folder))
}
