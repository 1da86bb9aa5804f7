//! The ONNX Runtime library, from the package index.

use std::path::Path;
use std::process::Command;

use lamp_runner::onnxruntime;

#[tokio::test]
async fn the_library_is_fetched_once_and_can_be_loaded() {
    // Kept between test runs: the wheel is large.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("onnxruntime-cache");
    let first = onnxruntime::library(&cache, &|_| ()).await.expect("fetched");
    assert!(first.is_absolute());
    let again = onnxruntime::library(&cache, &|step| panic!("nothing is to be done, but: {step}")).await;
    assert_eq!(again.expect("there"), first);
    let load = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).OrtGetApiBase";
    let loaded = Command::new("python3").args(["-c", load]).arg(&first).output().expect("python3");
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
}
