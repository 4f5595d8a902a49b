//! Where tests find the shared reference material. Only for tests: behind the feature `testing`.

use std::path::PathBuf;

/// The folder or file `../shared/<part>`. Absent: panics under `CI=true`, else prints why the test is left out and gives
/// `None`.
pub fn shared(part: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(part);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is absent, but CI needs it", path.display());
    eprintln!("ignored: {} is absent", path.display());
    None
}
